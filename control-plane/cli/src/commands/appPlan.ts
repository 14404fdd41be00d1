/**
 * `app plan`: what a commit, branch or tag would change across the fleet, before anything is. Its exit code is meant for a
 * check on a pull request: 0 nothing would change, 2 something would, 1 it would fail somewhere, 3 not everybody could say.
 */
import type { Plan, PlanDiff, PlanResult } from '@flotilla/client/types';
import { verdictOfFleet, type PlanVerdict } from '@flotilla/domain/plan/verdict';
import { exitCodes, type ExitCode } from '../exit.ts';
import type { Session } from '../session.ts';
import { pause } from '@flotilla/client/pause';
import { planText } from './planText.ts';

export interface PlanOptions {
  revision: string;
  repository?: string;
  timeout: number;
  ignoreOffline?: boolean;
  groups: number;
}

/** A small fleet answers at once, a large one is not asked after all the time. */
const pollFirstMs = 50;
const pollMaxMs = 1_000;

const codes: Record<PlanVerdict, ExitCode> = {
  clean: exitCodes.done,
  changes: exitCodes.no,
  failing: exitCodes.error,
  incomplete: exitCodes.unknown,
};

export async function planApp(
  session: Session,
  name: string,
  options: PlanOptions,
  end: (code: ExitCode) => void,
): Promise<void> {
  const { client } = session;
  const query = session.project === undefined ? {} : { project: session.project };
  const repository = options.repository === undefined ? {} : { repository: options.repository };
  const started = await client.plans.create(
    name,
    { revision: options.revision, ...repository, answerTimeoutMs: options.timeout },
    query,
  );
  const plan = await session.progress(`planning ${name} at ${options.revision}`, (update) =>
    untilDone(session, name, started, query, update),
  );
  const verdict = verdictOf(plan, options);
  if (session.format === 'table') await printText(session, name, plan, options, query);
  else session.print(plan, () => '');
  if (plan.phase === 'Rendering' || plan.phase === 'Asking')
    session.say(`stopped waiting; the plan goes on: ${plan.id}`);
  end(codes[verdict]);
}

async function untilDone(
  { client, io }: Session,
  name: string,
  started: Plan,
  query: Record<string, string>,
  update: (text: string) => void,
): Promise<Plan> {
  let plan = started;
  let waitMs = pollFirstMs;
  while ((plan.phase === 'Rendering' || plan.phase === 'Asking') && !io.signal.aborted) {
    update(progressText(plan));
    await pause(waitMs, io.signal);
    waitMs = Math.min(pollMaxMs, waitMs * 1.5);
    plan = await client.plans.get(name, plan.id, query);
  }
  return plan;
}

function progressText({ phase, revision, commit, answered, targets }: Plan): string {
  if (phase === 'Rendering') return `rendering ${revision}`;
  return `${answered} of ${targets} clusters answered about ${commit?.slice(0, 8) ?? revision}`;
}

function verdictOf({ phase, tally, verdict }: Plan, { ignoreOffline }: PlanOptions): PlanVerdict {
  if (phase !== 'Done') return verdict ?? 'incomplete';
  return verdictOfFleet(tally, ignoreOffline);
}

async function printText(
  session: Session,
  name: string,
  plan: Plan,
  { groups }: PlanOptions,
  query: Record<string, string>,
): Promise<void> {
  const { client } = session;
  const diffs = new Map<string, PlanDiff>();
  for (const { digest, verdict } of plan.groups.slice(0, groups)) {
    if (verdict !== 'clean')
      diffs.set(digest, await client.plans.diff(name, plan.id, digest, query).catch(() => emptyDiff(digest)));
  }
  const unheard: PlanResult[] = [];
  for (const state of ['Error', 'NoAnswer', 'Offline'] as const)
    unheard.push(...(await firstOf(client.plans.results(name, plan.id, { ...query, state, limit: 20 }), 20)));
  session.print(plan, () => planText(session.colors, plan, diffs, unheard, groups));
}

/** Of very many different diffs the hub keeps the first ones. */
function emptyDiff(digest: string): PlanDiff {
  const counts = { fail: 0, unknown: 0, delete: 0, change: 0, create: 0, run: 0, keep: 0, unchanged: 0 };
  return { digest, counts, objects: [], omitted: null };
}

async function firstOf<T>(all: AsyncIterable<T>, max: number): Promise<T[]> {
  const first: T[] = [];
  for await (const item of all) {
    first.push(item);
    if (first.length >= max) break;
  }
  return first;
}
