/** `status`: the fleet on one screen, and with `--watch` kept up to date. */
import type { Application, Cluster, Fleet, Target } from '@flotilla/client/types';
import type { Command } from 'commander';
import { pause } from '@flotilla/client/pause';
import { withSession, type Io, type Session } from '../session.ts';
import { age, fields, labelsText, statusColor, table } from '../table.ts';
import { applicationColumns } from './appShow.ts';
import { recoveringText } from './cluster.ts';
import { countsText } from './counts.ts';
import { stageColumns, targetColumns } from './targets.ts';

interface StatusOptions {
  watch?: boolean;
}

interface Screen {
  fleet: Fleet;
  applications: Application[];
  clusters: Cluster[];
  troubles: Target[];
}

/** What fits on a screen; the lists have the rest. */
const rowsMax = 20;
const refreshMs = 2_000;
const clearScreen = '\u001b[2J\u001b[H';

export function registerStatus(program: Command, io: Io): void {
  program
    .command('status')
    .description('the whole fleet on one screen')
    .option('-w, --watch', 'keep it up to date until interrupted')
    .action(withSession(io, showStatus));
}

async function showStatus(session: Session, options: StatusOptions): Promise<void> {
  const { io } = session;
  if (options.watch !== true) return printOnce(session);
  while (!io.signal.aborted) {
    const screen = await load(session);
    if (session.format === 'table' && io.stdout.isTTY) io.stdout.write(clearScreen);
    session.print(screen.fleet, () => `${draw(session, screen)}\n`);
    await pause(refreshMs, io.signal);
  }
}

async function printOnce(session: Session): Promise<void> {
  if (session.format !== 'table') return session.print(await session.client.fleet(), () => '');
  const screen = await session.progress('looking at the fleet', () => load(session));
  session.print(screen.fleet, () => draw(session, screen));
}

async function load({ client }: Session): Promise<Screen> {
  const [fleet, applications, clusters, ...troubles] = await Promise.all([
    client.fleet(),
    client.applications.list({ limit: rowsMax }),
    client.clusters.list({ limit: rowsMax }),
    ...(['Degraded', 'Missing', 'Unknown', 'Progressing'] as const).map((health) =>
      client.targets.list({ health, limit: rowsMax }),
    ),
    client.targets.list({ sync: 'OutOfSync', health: 'Healthy', limit: rowsMax }),
  ]);
  const targets = troubles.flatMap((page) => page.items);
  return {
    fleet,
    applications: applications.items,
    clusters: clusters.items,
    troubles: targets.slice(0, rowsMax),
  };
}

function draw(session: Session, screen: Screen): string {
  const { application, cluster, sync, health, revision, currency, message } = targetColumns(session);
  const parts = [
    summary(session, screen.fleet),
    table(applicationColumns(session), screen.applications, 'no applications yet'),
    ...more(screen.applications.length, screen.fleet.applications.total, 'flotilla app list'),
    clusterTable(session, screen.clusters),
    ...more(screen.clusters.length, screen.fleet.clusters.total, 'flotilla cluster list'),
  ];
  const notes = notesOf(session, screen);
  if (notes !== '') parts.push(session.colors.bold('Needs a person'), notes);
  if (screen.troubles.length > 0) {
    parts.push(
      session.colors.bold('Not well'),
      table(
        [application, cluster, ...stageColumns(screen.troubles), sync, health, revision, currency, message],
        screen.troubles,
        '',
      ),
    );
  }
  return parts.join('\n\n');
}

function summary({ colors }: Session, fleet: Fleet): string {
  const connections = Object.entries(fleet.clusters.connections)
    .map(([word, count]) => `${count} ${statusColor(colors, word)}`)
    .join(', ');
  const rollouts = Object.entries(fleet.rollouts)
    .map(([word, count]) => `${count} ${statusColor(colors, word)}`)
    .join(', ');
  return [
    `${colors.bold('Clusters')}      ${fleet.clusters.total}${connections === '' ? '' : `: ${connections}`}`,
    `${colors.bold('Applications')}  ${fleet.applications.total}${rollouts === '' ? '' : `, rollouts: ${rollouts}`}`,
    `${colors.bold('Targets')}       ${fleet.targets.total}: ${countsText(colors, fleet.targets.sync)} · ${countsText(colors, fleet.targets.health)}`,
  ].join('\n');
}

function clusterTable({ colors, io }: Session, clusters: readonly Cluster[]): string {
  const columns = [
    { title: 'CLUSTER', value: (row: Cluster) => row.name },
    { title: 'STATE', value: (row: Cluster) => statusColor(colors, row.state) },
    { title: 'CONNECTION', value: (row: Cluster) => statusColor(colors, row.connection) },
    { title: 'SEEN', value: (row: Cluster) => age(row.lastSeenAt, io.now()) },
    { title: 'TARGETS', value: (row: Cluster) => countsText(colors, row.status.health) },
    { title: 'LABELS', value: (row: Cluster) => labelsText(row.labels) },
  ];
  return table(columns, clusters, 'no clusters yet; connect one: flotilla agent manifest --cluster <name>');
}

/** What stands in the way of an application's newest commit or of a cluster's agent: no target says that. */
function notesOf({ colors }: Session, { applications, clusters }: Screen): string {
  const ofApplications = applications.flatMap(({ name, conditions }) =>
    conditions.map(({ type, message }) => [name, `${type}: ${message}`] as const),
  );
  const ofClusters = clusters.flatMap((cluster) => {
    const { name, state, stateReason, nackReason, recovering } = cluster;
    const reasons = [
      state === 'Revoked' ? null : stateReason,
      nackReason,
      recovering ? recoveringText(cluster) : null,
    ];
    return reasons.flatMap((reason) => (reason === null ? [] : [[name, reason] as const]));
  });
  const notes = [...ofApplications, ...ofClusters].map(([name, text]) => [name, colors.red(text)] as const);
  return notes.length === 0 ? '' : fields(notes);
}

function more(shown: number, total: number, command: string): string[] {
  return total > shown ? [`… and ${total - shown} more: ${command}`] : [];
}
