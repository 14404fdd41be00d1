/** What people say to a rollout; each verb names the application. */
import type { RolloutAction } from '@flotilla/client/rollouts';
import type { Command } from 'commander';
import { positiveInteger } from '../parse.ts';
import { withSession, type Io, type Session } from '../session.ts';

interface VerbOptions {
  reason?: string;
  cluster?: string;
  revision?: number;
  wave?: string;
}

type Flag = 'reason' | 'cluster' | 'revision' | 'wave';

interface Verb {
  name: string;
  summary: string;
  flags: readonly Flag[];
  action: (options: Required<VerbOptions>) => RolloutAction;
}

const verbs: readonly Verb[] = [
  {
    name: 'start',
    summary: 'move to a revision, also an older one, over whatever is open',
    flags: ['revision'],
    action: ({ revision }) => ({ action: 'start', revision }),
  },
  {
    name: 'pause',
    summary: 'assign nothing new',
    flags: ['reason'],
    action: ({ reason }) => ({ action: 'pause', reason }),
  },
  {
    name: 'resume',
    summary: 'go on; failures so far are accepted, gates that failed are checked anew',
    flags: [],
    action: () => ({ action: 'resume' }),
  },
  {
    name: 'approve',
    summary: 'let a wave that waits for a person start',
    flags: ['wave'],
    action: ({ wave }) => ({ action: 'approve', wave }),
  },
  {
    name: 'promote',
    summary: 'skip the rest of a soak, or the gates that the next wave waits for',
    flags: [],
    action: () => ({ action: 'promote' }),
  },
  {
    name: 'abort',
    summary: 'end it; what was assigned stays',
    flags: ['reason'],
    action: ({ reason }) => ({ action: 'abort', reason }),
  },
  {
    name: 'rollback',
    summary: 'back to what was healthy, in waves; automation never starts the revision again',
    flags: ['reason'],
    action: ({ reason }) => ({ action: 'rollback', reason }),
  },
  {
    name: 'retry',
    summary: 'assign again on a cluster that failed, was skipped or deferred',
    flags: ['cluster'],
    action: ({ cluster }) => ({ action: 'retry', cluster }),
  },
  {
    name: 'skip',
    summary: 'do not wait for a cluster',
    flags: ['cluster', 'reason'],
    action: ({ cluster, reason }) => ({ action: 'skip', cluster, reason }),
  },
  {
    name: 'resume-lane',
    summary: 'accept failures outside of rollouts',
    flags: [],
    action: () => ({ action: 'resumeLane' }),
  },
];

export function registerVerbs(rollout: Command, io: Io): void {
  for (const verb of verbs) {
    const command = rollout.command(`${verb.name} <application>`).description(verb.summary);
    for (const flag of verb.flags) addFlag(command, flag);
    command.action(
      withSession(io, (session, name: string, options: VerbOptions) =>
        act(session, name, verb.action(options as Required<VerbOptions>)),
      ),
    );
  }
}

/** Sends it, and shows what it changed. */
export async function act(session: Session, name: string, action: RolloutAction): Promise<void> {
  const query = session.project === undefined ? {} : { project: session.project };
  const result = await session.client.applications.act(name, action, query);
  session.print(result, () => (result.events.length === 0 ? 'nothing changed' : result.events.join('\n')));
}

function addFlag(command: Command, flag: Flag): void {
  switch (flag) {
    case 'reason':
      return void command.option('--reason <text>', 'why, for the record', '');
    case 'cluster':
      return void command.requiredOption('--cluster <name>', 'where');
    case 'revision':
      return void command.requiredOption('--revision <n>', 'which', positiveInteger);
    case 'wave':
      return void command.requiredOption('--wave <name>', 'which');
  }
}
