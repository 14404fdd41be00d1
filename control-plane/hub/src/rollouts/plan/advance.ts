/** One step of a plan that asks: who is asked, what came of it, who is given up, and whether it is done. Safe to run at any time. */
import type { Override } from '@flotilla/domain/variant/override';
import { VariantIndex } from '@flotilla/domain/variant/reads';
import type { ApplicationSpec } from '../../applications/spec.ts';
import type { Hints } from '../../platform/hints.ts';
import type { ObservationTransaction } from '../../platform/observations.ts';
import { bodyOf, encodedBody } from '../entry.ts';
import { lockApplication } from '../fleet.store.ts';
import { readBodies, saveBody } from '../save.store.ts';
import type { AskingPlan } from './ask.store.ts';
import * as store from './ask.store.ts';
import { collect, type CollectContext } from './collect.ts';

export interface AdvanceContext extends CollectContext {
  hints: Hints;
}

/** Commands that are on their way at once: what comes back at one moment is bounded by it. */
export const inFlightMax = 500;

export async function advance(context: AdvanceContext, plan: AskingPlan): Promise<void> {
  await collect(context, plan);
  await context.observations.write(async (tx) => {
    const body = plan.bodyDigest === null ? await begin(tx, plan) : await readBody(tx, plan, plan.bodyDigest);
    if (body === null) return;
    await store.giveUp(tx, plan);
    for (const clusterId of await store.askNext(tx, plan, body, inFlightMax)) tx.hint('command', clusterId);
    if (!(await store.finishIfDone(tx, plan.id))) return;
    tx.hint('status', plan.applicationId);
    // A rollout may wait for it.
    tx.hint('rollout', plan.applicationId);
  });
}

/** The body that a rollout would assign now, kept so that every cluster is asked with the same. Null: there is nobody to ask for. */
async function begin(tx: ObservationTransaction, plan: AskingPlan): Promise<string | null> {
  const application = await lockApplication(tx, plan.applicationId);
  if (application === null || application.removal !== null) {
    const why = application === null ? 'the hub is recovering' : 'the application is being removed';
    await store.failPlan(tx, plan.id, why);
    return null;
  }
  const body = encodedBody(bodyOf(application));
  await saveBody(tx, plan.applicationId, body);
  await insertAsked(tx, plan, application.spec, body.digest);
  return Buffer.from(body.bytes).toString();
}

async function insertAsked(
  tx: ObservationTransaction,
  plan: AskingPlan,
  spec: ApplicationSpec,
  bodyDigest: string,
): Promise<void> {
  if (plan.bundle !== null && plan.variants.length === 0) return store.insertTargets(tx, plan, bodyDigest);
  const overrides = spec.overrides as Override[];
  const index = new VariantIndex(plan.variants, overrides);
  const own = (await store.readClusters(tx, plan)).map(({ targetId, ...cluster }) => {
    const variant = index.find(cluster);
    const error = variant === null ? 'its labels or facts changed meanwhile: try again' : variant.error;
    return { targetId, bundle: variant?.bundle ?? '', error };
  });
  await store.insertOwn(tx, plan, own, bodyDigest);
}

/** Null where retention took it, which it does after a day. */
async function readBody(
  tx: ObservationTransaction,
  plan: AskingPlan,
  digest: string,
): Promise<string | null> {
  const bytes = (await readBodies(tx, [digest])).get(digest);
  if (bytes === undefined) await store.failPlan(tx, plan.id, 'it took too long: try again');
  return bytes?.toString() ?? null;
}
