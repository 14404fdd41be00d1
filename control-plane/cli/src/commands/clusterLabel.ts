/** `cluster label`: the labels that placements, waves, stages and templates go by, changed one by one. */
import type { Command } from 'commander';
import { CommandError, exitCodes } from '../exit.ts';
import { withSession, type Io, type Session } from '../session.ts';
import { labelsText } from '../table.ts';

export function registerClusterLabel(cluster: Command, io: Io): void {
  cluster
    .command('label <name> <changes...>')
    .description('set labels by key=value, take them away by key-')
    .action(withSession(io, labelCluster));
}

async function labelCluster(session: Session, name: string, changes: string[]): Promise<void> {
  const { client, print } = session;
  const parsed = changes.map(changeOf);
  const before = await client.clusters.get(name);
  const labels = new Map(Object.entries(before.labels));
  for (const { key, value } of parsed) {
    if (value === null) labels.delete(key);
    else labels.set(key, value);
  }
  const after = await client.clusters.setLabels(name, Object.fromEntries(labels), before.version);
  print(after, () => `${after.name}: ${labelsText(after.labels)}`);
}

interface Change {
  key: string;
  /** Null: it goes. */
  value: string | null;
}

function changeOf(text: string): Change {
  const [, key = '', value] = /^([^=]+)=(.*)$/.exec(text) ?? [];
  if (value !== undefined) return { key, value };
  if (/^[^=]+-$/.test(text)) return { key: text.slice(0, -1), value: null };
  throw new CommandError(
    exitCodes.usage,
    `"${text}" is no change of a label`,
    'env=prod sets one, env- takes it away',
  );
}
