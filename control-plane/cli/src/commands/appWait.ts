/**
 * `app wait`: until every target is Synced and Healthy at the newest revision. Ends early, with "no", where waiting is
 * in vain: the revision does not render, or its rollout was halted, aborted or rolled back.
 */
import type { Application, Target } from '@flotilla/client/types';
import { exitCodes, type ExitCode } from '../exit.ts';
import { pause } from '@flotilla/client/pause';
import type { Session } from '../session.ts';
import { currencyText } from './targets.ts';
import { targetsOf } from './appShow.ts';

export interface WaitOptions {
  timeout: number;
  commit?: string;
  /** Each of these targets (by id) must have a greater assignment than this one, and have reported it. */
  above?: ReadonlyMap<string, number>;
}

export type WaitVerdict =
  { done: true; message: string } | { failed: true; message: string } | { waiting: true; message: string };

const pollMs = 1_000;

export async function waitForApp(
  session: Session,
  name: string,
  options: WaitOptions,
  end: (code: ExitCode) => void,
): Promise<void> {
  const query = session.project === undefined ? {} : { project: session.project };
  const deadline = session.io.now().getTime() + options.timeout;
  const look = async (): Promise<WaitVerdict> =>
    judge(await session.client.applications.get(name, query), await targetsOf(session, name), options);
  const verdict = await session.progress(`waiting for ${name}`, (update) =>
    poll(session, look, deadline, update),
  );
  const application = await session.client.applications.get(name, query);
  session.print(application, () => `${name}: ${verdict.message}`);
  if ('failed' in verdict) {
    if (pausedOf(application) !== null) session.say(nextSteps(application));
    end(exitCodes.no);
  }
  if (!('waiting' in verdict)) return;
  session.say(`gave up after ${options.timeout / 1000} s; see: flotilla app get ${name}`);
  end(exitCodes.timedOut);
}

function nextSteps({ name: application, stages }: Application): string {
  const stage = stages?.find(({ rollout }) => rollout?.phase === 'Paused')?.name;
  const name = stage === undefined ? application : `${application} --stage ${stage}`;
  return `why: flotilla rollout get ${name}; go on: flotilla rollout resume ${name}; back: flotilla rollout rollback ${name}`;
}

async function poll(
  { io }: Session,
  look: () => Promise<WaitVerdict>,
  deadline: number,
  update: (text: string) => void,
): Promise<WaitVerdict> {
  for (;;) {
    const verdict = await look();
    if (!('waiting' in verdict) || io.now().getTime() >= deadline || io.signal.aborted) return verdict;
    update(verdict.message);
    await pause(Math.min(pollMs, Math.max(0, deadline - io.now().getTime())), io.signal);
  }
}

export function judge(
  application: Application,
  targets: readonly Target[],
  { commit, above }: Pick<WaitOptions, 'commit' | 'above'>,
): WaitVerdict {
  const { revision } = application;
  if (revision === null) return { waiting: true, message: conditionOf(application) ?? 'no revision yet' };
  if (commit !== undefined && !revision.commit.startsWith(commit)) {
    return { waiting: true, message: `the newest revision is still ${revision.commit.slice(0, 8)}` };
  }
  if (revision.state === 'Failed' || revision.state === 'Rejected') {
    return {
      failed: true,
      message: conditionOf(application) ?? `revision ${revision.number} is ${revision.state}`,
    };
  }
  const paused = pausedOf(application);
  if (paused !== null) return { failed: true, message: paused };
  if (targets.length === 0) return { waiting: true, message: 'not placed on any cluster' };
  const open = targets.filter((target) => !isWell(target, revision.number) || !isTakenUp(target, above));
  if (open.length === 0)
    return {
      done: true,
      message: `${targets.length} targets Synced and Healthy at revision ${revision.number}`,
    };
  return {
    waiting: true,
    message: `${targets.length - open.length}/${targets.length} ready; ${open.slice(0, 3).map(describe).join('; ')}`,
  };
}

/** With stages, of the first one that is: what it holds goes no further. */
function pausedOf({ rollout, stages }: Application): string | null {
  const reasonOf = (reason: string | null) => reason ?? 'no reason given';
  const stage = stages?.find((one) => one.rollout?.phase === 'Paused');
  if (stage !== undefined)
    return `the rollout in ${stage.name} is paused: ${reasonOf(stage.rollout?.phaseReason ?? null)}`;
  return stages === undefined && rollout?.phase === 'Paused'
    ? `the rollout is paused: ${reasonOf(rollout.phaseReason)}`
    : null;
}

function isWell(target: Target, revision: number): boolean {
  return target.sync === 'Synced' && target.health === 'Healthy' && target.observedRevision === revision;
}

function isTakenUp(target: Target, above: WaitOptions['above']): boolean {
  const before = above?.get(target.id);
  return before === undefined || (target.observedAssignment ?? 0) > before;
}

function describe(target: Target): string {
  const [condition] = target.conditions;
  const why = condition ? ` (${condition.type})` : '';
  return `${target.cluster} ${target.sync}, ${target.health}, ${currencyText(target.currency)}${why}`;
}

function conditionOf({ conditions: [condition] }: Application): string | null {
  return condition ? `${condition.type}: ${condition.message}` : null;
}
