/**
 * The check of `plan: required`: a plan of the revision that was asked for since the rollout began, or since it was
 * resumed. Where there is none it is asked for here; while it is under way nothing is known, and the next tick looks again.
 */
import type { Verdict } from '@flotilla/domain/gate/gate';
import { groupFleet } from '@flotilla/domain/plan/group';
import { summaryOf } from '@flotilla/domain/plan/summary';
import { verdictOfFleet } from '@flotilla/domain/plan/verdict';
import type { GateState } from '@flotilla/domain/rollout/checks';
import { automation, type Rollout } from '@flotilla/domain/rollout/state';

import type { Database } from '../../platform/prisma.ts';
import { systemActor, type HubTransaction, type Sql, type Transactions } from '../../platform/transaction.ts';
import { lockApplication } from '../fleet.store.ts';
import { countOpen, findPlan, insertPlan, readParts, type PlanRow } from '../plan/plan.store.ts';
import { findPlanSince, readCommits, type AskedRevision, type CommitRow } from './plan.store.ts';

/** As people may have under way. */
const openMax = 5;
const answerTimeoutMs = 60_000;
const messageCharactersMax = 500;

export interface AskPlanOptions {
  database: Database;
  transactions: Transactions;
}

/** Null: not known yet. */
export async function askPlan(
  { database, transactions }: AskPlanOptions,
  applicationId: string,
  rollout: Rollout,
  { progress }: GateState,
): Promise<Verdict | null> {
  const db: Sql = { sql: (text, params) => database.query(text, params) };
  const commits = await readCommits(db, applicationId, rollout.revision);
  const [first] = commits;
  if (first === undefined)
    return failure(`the commits of revision ${rollout.revision} are not known any more`);
  const sinceMs = Math.max(rollout.startedAtMs ?? 0, progress.dueAtMs);
  const asked = { number: rollout.revision, commits };
  const id = await findPlanSince(db, applicationId, asked, sinceMs);
  const plan = id === null ? null : await findPlan(db, applicationId, id);
  if (plan !== null) return verdictOf(db, plan, commits, rollout.id);
  await transactions.inTransaction(systemActor, (tx) => create(tx, applicationId, asked, first, sinceMs));
  return null;
}

/** Under the application's lock, so that two workers ask for one. */
async function create(
  tx: HubTransaction,
  applicationId: string,
  asked: AskedRevision,
  first: CommitRow,
  sinceMs: number,
): Promise<void> {
  const application = await lockApplication(tx, applicationId);
  const isThere = (await findPlanSince(tx, applicationId, asked, sinceMs)) !== null;
  if (application === null || isThere || (await countOpen(tx, applicationId)) >= openMax)
    return tx.nothingChanged(undefined);
  const { repository: repositoryId, commit: revision } = first;
  const id = await insertPlan(tx, {
    applicationId,
    revision,
    repositoryId,
    ofRevision: asked.number,
    answerTimeoutMs,
    createdBy: automation,
  });
  tx.audit({
    action: 'plan.create',
    resource: { kind: 'plan', id, name: `${application.name} at ${revision}` },
    projectId: application.projectId,
    reason: { application: applicationId, revision, cause: 'the strategy requires a plan' },
  });
  tx.hint('plan', id);
}

async function verdictOf(
  db: Sql,
  plan: PlanRow,
  commits: readonly CommitRow[],
  rolloutId: string,
): Promise<Verdict | null> {
  if (plan.phase === 'Rendering' || plan.phase === 'Asking') return null;
  if (plan.phase === 'Failed') return failure(plan.error ?? 'the plan failed');
  if (textOf(plan.sources) !== textOf(commits))
    return failure('the plan is of other commits than the revision: another source has moved since');
  const fleet = groupFleet(await readParts(db, [plan.id], rolloutId));
  // Whoever is away is deferred by the rollout as well.
  const verdict = verdictOfFleet(fleet.tally, true);
  const message = summaryOf(fleet).slice(0, messageCharactersMax);
  return { isSuccess: verdict === 'clean' || verdict === 'changes', message };
}

function textOf(commits: readonly CommitRow[]): string {
  return commits.map(({ repository, commit }) => `${repository} ${commit}`).join(', ');
}

function failure(message: string): Verdict {
  return { isSuccess: false, message: message.slice(0, messageCharactersMax) };
}
