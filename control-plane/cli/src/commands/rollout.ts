/** `rollout`: how a revision moves over the fleet, seen and steered. */
import type { Rollout } from '@flotilla/client/rollouts';
import type { Command } from 'commander';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { durationMs, positiveInteger } from '../parse.ts';
import { drawRollout } from '../rollout/draw.ts';
import { columnsDefault } from '../rollout/screen.ts';
import { watchRollout } from '../rollout/watch.ts';
import { withSession, type Io, type Session } from '../session.ts';
import { age, statusColor, table } from '../table.ts';
import { collectPages, type ListOptions } from './list.ts';
import { findRollout, findRolloutOf } from './rolloutFind.ts';
import { registerVerbs } from './rolloutVerbs.ts';

interface GetOptions extends StageOptions {
  watch?: boolean;
  commit?: string;
  timeout?: number;
}

interface StageOptions {
  stage?: string;
}

export function registerRollout(program: Command, io: Io, end: (code: ExitCode) => void): void {
  const rollout = program.command('rollout').description('how revisions move over the fleet');
  rollout
    .command('list <application>')
    .description('its rollouts, newest first')
    .option('--limit <n>', 'at most so many', positiveInteger, 20)
    .option('--stage <name>', 'only of this stage')
    .action(withSession(io, listRollouts));
  rollout
    .command('get <application>')
    .description('the open rollout, else the newest: its waves, what it waits for, what failed, when it ends')
    .option(
      '-w, --watch',
      'keep it up to date until it is closed: exit 0 completed, 2 rolled back, aborted or superseded, 3 interrupted',
    )
    .option(
      '--commit <sha>',
      'the rollout of this commit (or one that starts so); --watch waits until there is one',
    )
    .option('--timeout <duration>', 'of --watch: give up after it, with exit 6', durationMs)
    .option('--stage <name>', 'of an application with stages: in which')
    .action(
      withSession(io, (session, name: string, options: GetOptions) =>
        getRollout(session, name, options, end),
      ),
    );
  registerVerbs(rollout, io);
}

async function listRollouts(
  session: Session,
  name: string,
  options: ListOptions & StageOptions,
): Promise<void> {
  const { colors, client, io } = session;
  const query = { project: session.project, stage: options.stage };
  const page = await collectPages<Rollout>(
    (paging) => client.applications.rollouts(name, paging),
    options,
    query,
  );
  const columns = [
    ...(page.items.some(({ stage }) => stage !== '')
      ? [{ title: 'STAGE', value: (row: Rollout) => row.stage || '-' }]
      : []),
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

async function getRollout(
  session: Session,
  name: string,
  options: GetOptions,
  end: (code: ExitCode) => void,
): Promise<void> {
  const { watch, commit, timeout = null, stage } = options;
  const find = () =>
    commit === undefined ? findRollout(session, name, stage) : findRolloutOf(session, name, commit, stage);
  if (watch === true) return end(await watchRollout(session, { find, timeoutMs: timeout }));
  const rolloutId = await find();
  if (rolloutId === null)
    throw new CommandError(exitCodes.notFound, `"${name}" has no rollout of ${commit ?? 'it'} yet`);
  const { client, colors, io, format } = session;
  // For people without what became of each target: the waves count that.
  const rollout = await client.rollout(rolloutId, { outcomes: format !== 'table' });
  const columns = io.stdout.columns ?? columnsDefault;
  const room = { columns, rows: null, colors, nowMs: Date.parse(rollout.readAt), hubAwayMs: null };
  session.print(rollout, () => drawRollout(rollout, room).join('\n'));
}
