/** What people say to a rollout; each verb names the application, and where that has stages, the one that is meant. */
import { FlotillaApiError } from '@flotilla/client/errors';
import type { RolloutAction } from '@flotilla/client/rollouts';
import type { Command } from 'commander';
import { CommandError, exitCodes } from '../exit.ts';
import { positiveInteger } from '../parse.ts';
import { withSession, type Io, type Session } from '../session.ts';

interface VerbOptions {
  reason?: string;
  cluster?: string;
  revision?: number;
  wave?: string;
  stage?: string;
}

type Flag = 'reason' | 'cluster' | 'revision' | 'wave' | 'stage';

interface Verb {
  name: string;
  summary: string;
  flags: readonly Flag[];
  action: (options: Required<Omit<VerbOptions, 'stage'>>, stage: { stage?: string }) => RolloutAction;
}

const verbs: readonly Verb[] = [
  {
    name: 'start',
    summary: 'move to a revision, also an older one, over whatever is open',
    flags: ['revision', 'stage'],
    action: ({ revision }, stage) => ({ action: 'start', revision, ...stage }),
  },
  {
    name: 'pause',
    summary: 'assign nothing new',
    flags: ['reason', 'stage'],
    action: ({ reason }, stage) => ({ action: 'pause', reason, ...stage }),
  },
  {
    name: 'resume',
    summary: 'go on; failures so far are accepted, gates that failed are checked anew',
    flags: ['stage'],
    action: (_options, stage) => ({ action: 'resume', ...stage }),
  },
  {
    name: 'approve',
    summary: 'let a wave that waits for a person start',
    flags: ['wave', 'stage'],
    action: ({ wave }, stage) => ({ action: 'approve', wave, ...stage }),
  },
  {
    name: 'promote',
    summary: 'skip the rest of a soak, or the gates that the next wave waits for',
    flags: ['stage'],
    action: (_options, stage) => ({ action: 'promote', ...stage }),
  },
  {
    name: 'abort',
    summary: 'end it; what was assigned stays',
    flags: ['reason', 'stage'],
    action: ({ reason }, stage) => ({ action: 'abort', reason, ...stage }),
  },
  {
    name: 'rollback',
    summary: 'back to what was healthy, in waves; automation never starts the revision again',
    flags: ['reason', 'stage'],
    action: ({ reason }, stage) => ({ action: 'rollback', reason, ...stage }),
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
    flags: ['stage'],
    action: (_options, stage) => ({ action: 'resumeLane', ...stage }),
  },
];

export function registerVerbs(rollout: Command, io: Io): void {
  for (const verb of verbs) {
    const command = rollout.command(`${verb.name} <application>`).description(verb.summary);
    for (const flag of verb.flags) addFlag(command, flag);
    command.action(
      withSession(io, (session, name: string, options: VerbOptions) =>
        act(session, name, actionOf(verb, options)),
      ),
    );
  }
}

function actionOf({ action }: Verb, { stage, ...options }: VerbOptions): RolloutAction {
  return action(options as Required<VerbOptions>, stage === undefined ? {} : { stage });
}

/** Sends it, and shows what it changed. */
export async function act(session: Session, name: string, action: RolloutAction): Promise<void> {
  const query = session.project === undefined ? {} : { project: session.project };
  const result = await session.client.applications
    .act(name, action, query)
    .catch((error: unknown) => Promise.reject(explained(error, name)));
  const { stage, events } = result;
  const where = stage === '' ? '' : `${stage}: `;
  session.print(result, () =>
    events.length === 0 ? 'nothing changed' : events.map((event) => where + event).join('\n'),
  );
}

/** Of several stages the hub asks which one is meant; here is how it is said. */
function explained(error: unknown, name: string): unknown {
  if (!(error instanceof FlotillaApiError) || !error.message.startsWith('say in which stage')) return error;
  return new CommandError(
    exitCodes.usage,
    error.message,
    `add --stage NAME; how they stand: flotilla app stages ${name}`,
  );
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
    case 'stage':
      return void command.option('--stage <name>', 'of an application with stages: in which');
  }
}
