/** `history`: what ran on a cluster, and what happened to an application; with `--at`, which revisions were in force then. */
import type { Query } from '@flotilla/client/client';
import type { Run, Transition } from '@flotilla/client/types';
import type { Command } from 'commander';
import { past, positiveInteger } from '../parse.ts';
import { withSession, type Io, type Session } from '../session.ts';
import { short, table, type Column } from '../table.ts';
import { collectPages } from './list.ts';
import { presentStageColumns } from './presentStages.ts';
import { timelineOf, type TimelineEntry } from './timeline.ts';

interface ClusterOptions {
  limit: number;
  at?: string;
}

interface AppOptions {
  limit: number;
  kind?: string;
  cluster?: string;
  at?: string;
  since?: string;
  until?: string;
  each?: boolean;
}

/** Rows of a timeline that are read at most: a rollout over thousands of clusters is a few lines of many rows. */
const rowsMax = 2_000;
const timeHelp = 'a time (RFC 3339), or how long ago, e.g. 2h';

export function registerHistory(program: Command, io: Io): void {
  const history = program.command('history').description('what ran where and when, and what happened');
  history
    .command('cluster <name>')
    .description('which revisions were in force on it, newest first; with --at, those of that time')
    .option('--at <time>', timeHelp)
    .option('--limit <n>', 'at most so many', positiveInteger, 30)
    .action(withSession(io, showCluster));
  history
    .command('app <name>')
    .description('what happened to its targets, newest first; with --at, which revision was in force on each')
    .option('--at <time>', timeHelp)
    .option('--since <time>', `not before: ${timeHelp}`)
    .option('--until <time>', `not after: ${timeHelp}`)
    .option('--kind <kind>', 'Sync, Health, Operation, Applied, Drift, Pruned or Removed')
    .option('--cluster <name>', 'only on this cluster')
    .option('--each', 'a line for each cluster, also where many did the same')
    .option('--limit <n>', 'at most so many lines', positiveInteger, 30)
    .action(withSession(io, showApp));
}

async function showCluster(session: Session, name: string, options: ClusterOptions): Promise<void> {
  const { client, io } = session;
  const query = options.at === undefined ? {} : { at: past(options.at, io.now()) };
  const list = (paging: Query) => client.clusters.history(name, paging);
  const page = await collectPages<Run>(list, { limit: options.limit }, query);
  session.print(page, () => table(runColumns, page.items, 'nothing was in force'));
}

const runColumns: Column<Run>[] = [
  { title: 'CLUSTER', value: (row) => row.cluster },
  { title: 'APPLICATION', value: (row) => row.application },
  { title: 'REVISION', value: (row) => String(row.revisionNumber) },
  { title: 'COMMIT', value: (row) => short(row.commit) },
  { title: 'FROM', value: (row) => row.from },
  { title: 'TO', value: (row) => row.to ?? 'now' },
];

async function showApp(session: Session, name: string, options: AppOptions): Promise<void> {
  if (options.at !== undefined) return showAppAt(session, name, options, past(options.at, session.io.now()));
  const { client, io, project, format, print } = session;
  const { kind, cluster, since, until } = options;
  const query = {
    project,
    kind,
    cluster,
    since: since === undefined ? undefined : past(since, io.now()),
    until: until === undefined ? undefined : past(until, io.now()),
  };
  const list = (paging: Query) => client.applications.history(name, paging);
  const isEach = options.each === true || format !== 'table';
  const page = await collectPages<Transition>(list, { limit: isEach ? options.limit : rowsMax }, query);
  const entries = timelineOf(page.items, isEach ? 0 : undefined);
  const stage = await presentStageColumns<TimelineEntry>(session, name, ({ clusters }) => clusters);
  const columns = [...entryColumns.slice(0, 2), ...stage, ...entryColumns.slice(2)];
  print(page, () => table(columns, entries.slice(0, options.limit), 'nothing happened'));
  if (format !== 'table' || (entries.length <= options.limit && page.next === null)) return;
  session.say(
    `there is more: --limit, or --until ${entries.at(Math.min(options.limit, entries.length) - 1)?.firstAt ?? ''}`,
  );
}

async function showAppAt(session: Session, name: string, options: AppOptions, at: string): Promise<void> {
  const { client, project, print } = session;
  const list = (paging: Query) => client.applications.runs(name, paging);
  const page = await collectPages<Run>(list, {}, { project, cluster: options.cluster, at });
  const stage = await presentStageColumns<Run>(session, name, (row) => [row.cluster]);
  const columns = [...runColumns.slice(0, 1), ...stage, ...runColumns.slice(1)];
  print(page, () => table(columns, page.items, `nothing was in force at ${at}`));
}

const entryColumns: Column<TimelineEntry>[] = [
  { title: 'AT', value: (row) => row.at },
  { title: 'CLUSTERS', value: clustersText },
  { title: 'KIND', value: (row) => row.kind },
  { title: 'FROM', value: (row) => row.from ?? '' },
  { title: 'TO', value: (row) => row.to ?? '' },
  { title: 'DETAIL', value: (row) => row.detail },
];

function clustersText({ clusters }: TimelineEntry): string {
  const [first = '', second = ''] = clusters;
  if (clusters.length <= 3) return clusters.join(', ');
  return `${first}, ${second} and ${clusters.length - 2} more`;
}
