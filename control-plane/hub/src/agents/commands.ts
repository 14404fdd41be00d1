/** Commands to agents: rows, delivered at least once. A session gets each open one once; a reconnect gets it again. */
import type { Command, CommandBody } from '@flotilla/proto/messages';
import type { Database } from '../platform/prisma.ts';
import { openCommands, type CommandRow } from './commands.store.ts';
import type { Session } from './session.ts';

/** To sessions of this replica that have not been given them. */
export async function deliverCommands(database: Database, sessions: readonly Session[]): Promise<void> {
  const byCluster = new Map(
    sessions.filter(({ standby }) => !standby).map((session) => [session.clusterId, session]),
  );
  if (byCluster.size === 0) return;
  for (const row of await openCommands(database, [...byCluster.keys()])) {
    const session = byCluster.get(row.clusterId);
    if (!session || session.isClosed || session.sentCommands.has(row.id)) continue;
    // Who is recovering is asked for nothing but what recovery needs.
    if (session.isRecovering && row.kind !== 'sendBundle') continue;
    session.sentCommands.add(row.id);
    session.send({ type: 'Command', ...commandOf(row) }).catch(() => undefined);
  }
}

export function commandOf(row: CommandRow): Command {
  return { id: row.id, expiresAt: row.expiresAt, command: bodyOf(row) };
}

function bodyOf({ kind, targetId, payload }: CommandRow): CommandBody {
  const target = targetId ?? '';
  switch (kind) {
    case 'refresh':
      return { kind, target, hard: payload['hard'] === true };
    case 'plan':
      return { kind, target, bundle: textOf(payload['bundle']), body: Buffer.from(textOf(payload['body'])) };
    case 'diff':
      return { kind, target };
    case 'logs':
      return { kind, target, ...logsOf(payload) };
    case 'terminate':
      return { kind, target, hook: textOf(payload['hook']) };
    case 'sendBundle':
      return { kind, digest: textOf(payload['digest']) };
    default:
      return { kind: 'unknown' };
  }
}

function logsOf(payload: Record<string, unknown>) {
  return {
    namespace: textOf(payload['namespace']),
    pod: textOf(payload['pod']),
    container: textOf(payload['container']),
    tailLines: typeof payload['tailLines'] === 'number' ? payload['tailLines'] : 0,
    follow: payload['follow'] === true,
    previous: payload['previous'] === true,
    since: typeof payload['since'] === 'string' ? new Date(payload['since']) : null,
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
