/** `cluster pause` and `resume`: nothing new is sent to a cluster for a while; what it has is kept so. */
import type { Command } from 'commander';
import { moment } from '../parse.ts';
import { withSession, type Io, type Session } from '../session.ts';

interface PauseOptions {
  reason: string;
  until?: string;
}

export function registerClusterPause(cluster: Command, io: Io): void {
  cluster
    .command('pause <name>')
    .description('send it nothing new: rollouts pass it by, what it has is kept so')
    .requiredOption('--reason <text>', 'why, for everybody who wonders')
    .option('--until <time>', 'a time (RFC 3339), or how long, e.g. 2h (default: until it is resumed)')
    .action(withSession(io, pauseCluster));
  cluster
    .command('resume <name>')
    .description('end its pause: it gets what belongs there')
    .action(withSession(io, resumeCluster));
}

async function pauseCluster(session: Session, name: string, options: PauseOptions): Promise<void> {
  const { client, io, print } = session;
  const { reason } = options;
  const until = options.until === undefined ? {} : { until: moment(options.until, io.now()) };
  const cluster = await client.clusters.pause(name, { reason, ...until });
  const end = cluster.pausedUntil === null ? 'it is resumed' : cluster.pausedUntil;
  print(cluster, () => `${cluster.name} is ${cluster.state} until ${end}: ${reason}`);
}

async function resumeCluster({ client, print }: Session, name: string): Promise<void> {
  const cluster = await client.clusters.resume(name);
  print(cluster, () => `${cluster.name} is ${cluster.state}`);
}
