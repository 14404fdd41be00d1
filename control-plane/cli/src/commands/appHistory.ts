/** `app history`: transitions, or with `--at` the revision that was in force on each cluster at that time. */
import type { Run, Transition } from '@flotilla/client/types';
import { CommandError, exitCodes } from '../exit.ts';
import type { Session } from '../session.ts';
import { short, table, type Column } from '../table.ts';
import { targetsOf } from './appShow.ts';
import { collectPages } from './list.ts';

export interface HistoryOptions {
  limit: number;
  kind?: string;
  cluster?: string;
  at?: string;
}

export async function showHistory(session: Session, name: string, options: HistoryOptions): Promise<void> {
  if (options.at !== undefined) return showRuns(session, name, options);
  const query = {
    ...(session.project === undefined ? {} : { project: session.project }),
    ...(options.kind === undefined ? {} : { kind: options.kind }),
    ...(options.cluster === undefined ? {} : { cluster: options.cluster }),
  };
  const list = (paging: Record<string, string | number | undefined>) =>
    session.client.applications.history(name, paging);
  const page = await collectPages<Transition>(list, { limit: options.limit }, query);
  session.print(page, () => table(transitionColumns, page.items, 'nothing happened yet'));
}

const transitionColumns: Column<Transition>[] = [
  { title: 'AT', value: (row) => row.at },
  { title: 'CLUSTER', value: (row) => row.cluster },
  { title: 'KIND', value: (row) => row.kind },
  { title: 'FROM', value: (row) => row.from ?? '' },
  { title: 'TO', value: (row) => row.to ?? '' },
  { title: 'DETAIL', value: detailOf },
];

/** Who changed what when, for a drift; a message for the rest. */
function detailOf({ kind, detail }: Transition): string {
  if (kind !== 'Drift') return typeof detail['message'] === 'string' ? detail['message'] : '';
  const changes = (detail['fields'] ?? []) as { path: string; manager: string; time: string }[];
  const [first] = changes;
  const more = changes.length > 1 ? ` and ${changes.length - 1} more` : '';
  const fate = detail['reverted'] === true ? 'reverted' : 'left as it is';
  if (!first) return fate;
  const who = [first.manager === '' ? 'somebody Kubernetes did not record' : first.manager, first.time];
  return `${first.path} by ${who.filter((part) => part !== '').join(' at ')}${more}: ${fate}`;
}

export const runColumns: Column<Run>[] = [
  { title: 'CLUSTER', value: (row) => row.cluster },
  { title: 'APPLICATION', value: (row) => row.application },
  { title: 'REVISION', value: (row) => String(row.revisionNumber) },
  { title: 'COMMIT', value: (row) => short(row.commit) },
  { title: 'FROM', value: (row) => row.from },
  { title: 'TO', value: (row) => row.to ?? 'now' },
];

async function showRuns(session: Session, name: string, options: HistoryOptions): Promise<void> {
  const at = timeOf(options.at ?? '');
  const targets = await targetsOf(session, name);
  const wanted = targets.filter(
    (target) => options.cluster === undefined || target.cluster === options.cluster,
  );
  const pages = await Promise.all(wanted.map((target) => session.client.targets.history(target.id, { at })));
  const items = pages.flatMap((page) => page.items);
  session.print({ items, next: null }, () => table(runColumns, items, `nothing was in force at ${at}`));
}

export function timeOf(text: string): string {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) {
    throw new CommandError(exitCodes.usage, `"${text}" is not a time`, 'e.g. 2026-11-24T15:00:00Z');
  }
  return time.toISOString();
}
