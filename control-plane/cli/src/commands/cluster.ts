/** `cluster`: the registered clusters and how they are doing. */
import type { Cluster, Target } from '@flotilla/client/types';
import type { Command } from 'commander';
import { positiveInteger } from '../parse.ts';
import { withSession, type Io, type Session } from '../session.ts';
import { age, fields, labelsText, statusColor, table } from '../table.ts';
import { registerClusterLabel } from './clusterLabel.ts';
import { registerClusterPause } from './clusterPause.ts';
import { countsText } from './counts.ts';
import { collectPages, type ListOptions } from './list.ts';
import { stageColumns, targetColumns } from './targets.ts';

export function registerCluster(program: Command, io: Io): void {
  const cluster = program.command('cluster').description('registered clusters');
  cluster
    .command('list')
    .description('all clusters with connection and status')
    .option('--limit <n>', 'at most so many', positiveInteger)
    .action(withSession(io, listClusters));
  cluster
    .command('get <name>')
    .description('one cluster and what runs on it')
    .action(withSession(io, getCluster));
  cluster
    .command('approve <name>')
    .description('let a cluster that enrolled with a token "requiring approval" take part')
    .action(withSession(io, approveCluster));
  registerClusterLabel(cluster, io);
  registerClusterPause(cluster, io);
  cluster
    .command('revoke <name>')
    .description('cut a cluster off for good: its certificates no longer count')
    .action(withSession(io, revokeCluster));
}

async function listClusters(session: Session, options: ListOptions): Promise<void> {
  const { client, colors, io, print } = session;
  const page = await collectPages<Cluster>((query) => client.clusters.list(query), options);
  const columns = [
    { title: 'NAME', value: (row: Cluster) => row.name },
    { title: 'STATE', value: (row: Cluster) => statusColor(colors, row.state) },
    { title: 'CONNECTION', value: (row: Cluster) => statusColor(colors, row.connection) },
    { title: 'SEEN', value: (row: Cluster) => age(row.lastSeenAt, io.now()) },
    { title: 'KUBERNETES', value: (row: Cluster) => row.kubernetesVersion ?? '-' },
    { title: 'TARGETS', value: (row: Cluster) => String(row.status.total) },
    { title: 'HEALTH', value: (row: Cluster) => countsText(colors, row.status.health) },
    { title: 'LABELS', value: (row: Cluster) => labelsText(row.labels) },
  ];
  print(page, () =>
    table(columns, page.items, 'no clusters; make a token: flotilla agent manifest --cluster <name>'),
  );
}

async function getCluster(session: Session, name: string): Promise<void> {
  const { client, print } = session;
  const cluster = await client.clusters.get(name);
  if (session.format !== 'table') return print(cluster, () => '');
  const targets: Target[] = [];
  for await (const target of client.clusters.targets(name)) targets.push(target);
  print(cluster, () => `${describe(session, cluster)}\n\n${targetTable(session, targets)}`);
}

function describe({ colors, io }: Session, cluster: Cluster): string {
  const until = cluster.pausedUntil === null ? '' : ` until ${cluster.pausedUntil}`;
  const reason = until + (cluster.stateReason ? ` (${cluster.stateReason})` : '');
  return fields([
    ['Name', cluster.name],
    ['Project', cluster.project],
    ['State', statusColor(colors, cluster.state) + reason],
    [
      'Connection',
      `${statusColor(colors, cluster.connection)}, seen ${age(cluster.lastSeenAt, io.now())} ago`,
    ],
    ['Labels', labelsText(cluster.labels)],
    ['Kubernetes', cluster.kubernetesVersion ?? '-'],
    ['Agent', cluster.agentVersion ?? '-'],
    ['Desired', `generation ${cluster.generation}, accepted ${cluster.acceptedGeneration}`],
    ...(cluster.nackReason ? [['Refused', colors.red(cluster.nackReason)] as const] : []),
    ...(cluster.recovering ? [['Recovering', colors.yellow(recoveringText(cluster))] as const] : []),
  ]);
}

/** Also while the hub as such is recovering. */
export function recoveringText({ recoveringReason }: Cluster): string {
  return `${recoveringReason ?? 'the hub came back from a backup'}: nothing is sent until \`hub recover\` has taken over what it holds`;
}

function targetTable(session: Session, targets: readonly Target[]): string {
  const { application, cluster: _cluster, ...others } = targetColumns(session);
  return table(
    [application, ...stageColumns(targets), ...Object.values(others)],
    targets,
    'nothing is placed on this cluster',
  );
}

async function approveCluster({ client, say }: Session, name: string): Promise<void> {
  const cluster = await client.clusters.approve(name);
  say(`${cluster.name} is ${cluster.state}`);
}

async function revokeCluster({ client, say }: Session, name: string): Promise<void> {
  const cluster = await client.clusters.revoke(name);
  say(`${cluster.name} is ${cluster.state}; its agent is cut off within 5 s`);
}
