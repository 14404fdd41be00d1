/** `rollout`: how a revision moves over the fleet, seen and steered. Each verb names the application. */
import type { Rollout, RolloutAction, RolloutDetail, WaveSummary } from '@flotilla/client/rollouts';
import type { Command } from 'commander';
import { CommandError, exitCodes } from '../exit.ts';
import { positiveInteger } from '../parse.ts';
import { withSession, type Io, type Session } from '../session.ts';
import { age, fields, statusColor, table } from '../table.ts';
import { timeOf } from './appHistory.ts';
import { collectPages, type ListOptions } from './list.ts';

interface VerbOptions {
  reason?: string;
  cluster?: string;
  revision?: number;
  wave?: string;
  expires?: string;
}

type Flag = 'reason' | 'cluster' | 'revision' | 'wave' | 'expires';

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
    summary: 'go on; failures so far are accepted',
    flags: [],
    action: () => ({ action: 'resume' }),
  },
  {
    name: 'approve',
    summary: 'let a wave that waits for a person start',
    flags: ['wave'],
    action: ({ wave }) => ({ action: 'approve', wave }),
  },
  { name: 'promote', summary: 'skip the rest of a soak', flags: [], action: () => ({ action: 'promote' }) },
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
    name: 'pin',
    summary: 'keep a cluster at a revision',
    flags: ['cluster', 'revision', 'reason', 'expires'],
    action: ({ cluster, revision, reason, expires }) => ({
      action: 'pin',
      cluster,
      revision,
      reason,
      expiresAt: expires === '' ? null : timeOf(expires),
    }),
  },
  {
    name: 'unpin',
    summary: 'let a cluster follow again',
    flags: ['cluster'],
    action: ({ cluster }) => ({ action: 'unpin', cluster }),
  },
  {
    name: 'resume-lane',
    summary: 'accept failures outside of rollouts',
    flags: [],
    action: () => ({ action: 'resumeLane' }),
  },
  {
    name: 'confirm-drop',
    summary: 'a revision may drop the objects that it drops',
    flags: ['revision'],
    action: ({ revision }) => ({ action: 'confirmDrop', revision }),
  },
  {
    name: 'confirm-leaving',
    summary: 'the many targets that left the placement at once may go',
    flags: [],
    action: () => ({ action: 'confirmLeaving' }),
  },
];

export function registerRollout(program: Command, io: Io): void {
  const rollout = program.command('rollout').description('how revisions move over the fleet');
  rollout
    .command('list <application>')
    .description('its rollouts, newest first')
    .option('--limit <n>', 'at most so many', positiveInteger, 20)
    .action(withSession(io, listRollouts));
  rollout
    .command('get <application>')
    .description('the newest rollout: its waves, and every decision with its reason')
    .action(withSession(io, getRollout));
  for (const verb of verbs) {
    const command = rollout.command(`${verb.name} <application>`).description(verb.summary);
    for (const flag of verb.flags) addFlag(command, flag);
    command.action(
      withSession(io, (session, name: string, options: VerbOptions) => act(session, name, verb, options)),
    );
  }
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
    case 'expires':
      return void command.option('--expires <time>', 'until when (RFC 3339)', '');
  }
}

async function act(session: Session, name: string, verb: Verb, options: VerbOptions): Promise<void> {
  const query = session.project === undefined ? {} : { project: session.project };
  const action = verb.action(options as Required<VerbOptions>);
  const result = await session.client.applications.act(name, action, query);
  session.print(result, () => (result.events.length === 0 ? 'nothing changed' : result.events.join('\n')));
}

async function listRollouts(session: Session, name: string, options: ListOptions): Promise<void> {
  const { colors, client, io } = session;
  const query = session.project === undefined ? {} : { project: session.project };
  const page = await collectPages<Rollout>(
    (paging) => client.applications.rollouts(name, paging),
    options,
    query,
  );
  const columns = [
    { title: 'REVISION', value: (row: Rollout) => String(row.revisionNumber) },
    { title: 'KIND', value: (row: Rollout) => row.kind },
    { title: 'PHASE', value: (row: Rollout) => statusColor(colors, row.phase) },
    { title: 'WAVES', value: (row: Rollout) => String(row.waves.length) },
    { title: 'BY', value: (row: Rollout) => row.createdBy },
    { title: 'AGE', value: (row: Rollout) => age(row.createdAt, io.now()) },
    { title: 'REASON', value: (row: Rollout) => row.phaseReason ?? '' },
  ];
  session.print(page, () => table(columns, page.items, 'no rollouts yet'));
}

async function getRollout(session: Session, name: string): Promise<void> {
  const query = session.project === undefined ? {} : { project: session.project };
  const newest = (await session.client.applications.rollouts(name, { ...query, limit: 1 })).items[0];
  if (!newest)
    throw new CommandError(
      exitCodes.notFound,
      `"${name}" has no rollout yet`,
      `see: flotilla app get ${name}`,
    );
  const rollout = await session.client.rollout(newest.id);
  session.print(rollout, () => describe(session, rollout));
}

function describe({ colors, io }: Session, rollout: RolloutDetail): string {
  const reason = rollout.phaseReason ? ` (${rollout.phaseReason})` : '';
  const head = fields([
    ['Application', rollout.application],
    ['Revision', String(rollout.revisionNumber)],
    ['Kind', rollout.kind],
    ['Phase', statusColor(colors, rollout.phase) + reason],
    ['By', rollout.createdBy],
    ['Started', `${age(rollout.startedAt, io.now())} ago`],
  ]);
  const waves = table(
    [
      { title: 'WAVE', value: (wave: WaveSummary) => String(wave.wave + 1) },
      { title: 'TARGETS', value: (wave: WaveSummary) => String(wave.total) },
      { title: 'OUTCOMES', value: ({ outcomes }: WaveSummary) => outcomesText(outcomes) },
    ],
    rollout.waves,
    'no wave has opened yet',
  );
  const events = rollout.events
    .toReversed()
    .map(({ at, kind, message }) => `${at}  ${kind.padEnd(10)}  ${message}`);
  return [head, waves, events.join('\n')].join('\n\n');
}

function outcomesText(outcomes: Record<string, number>): string {
  return Object.entries(outcomes)
    .map(([outcome, count]) => `${count} ${outcome}`)
    .join(', ');
}
