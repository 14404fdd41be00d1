/**
 * What a simulated cluster says when it is asked for a plan: it fetches the bundle as a real agent does, takes as long as a
 * cluster would take, and answers that every object of it would change, or, for as many as are told to fail, be refused.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { IndexedObject } from '@flotilla/domain/bundle/bundle';
import type { PlannedObject } from '@flotilla/domain/plan/plan';
import { encodePlan, targetPlanOf } from '@flotilla/domain/plan/targetPlan';
import type { CommandBody } from '@flotilla/proto/messages';
import type { SideCalls } from '@flotilla/agent/hub/connection';
import { fetchBundle } from '@flotilla/agent/hub/fetch';
import { AnswerError } from '@flotilla/agent/ops/answer';
import type { CarryOut } from '@flotilla/agent/ops/commands';
import type { BundleStore } from '@flotilla/agent/state/bundles';
import { sha256 } from '@flotilla/agent/state/sha256';
import type { ClusterBehaviour } from './cluster.ts';

export interface SimulatedPlanOptions {
  bundles: BundleStore;
  behaviour: () => ClusterBehaviour;
  random: () => number;
}

/** A plan is all that a simulated cluster can be asked for. */
export function simulatedCarryOut(options: SimulatedPlanOptions): CarryOut {
  return (command, signal, side) => {
    if (command.kind !== 'plan') throw new AnswerError('unsupported', 'a simulated cluster does not do this');
    return { answer: 'document', content: answer(options, command, side, signal) };
  };
}

async function* answer(
  { bundles, behaviour, random }: SimulatedPlanOptions,
  { bundle, target }: Extract<CommandBody, { kind: 'plan' }>,
  side: SideCalls,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  await fetchBundle({ bundles, side, partial: { frame: null } }, { digest: bundle, target }, signal);
  const { answerMinMs, answerMaxMs, failingShare } = behaviour();
  await delay(answerMinMs + random() * (answerMaxMs - answerMinMs), undefined, { signal });
  const objects = (await bundles.index(bundle))?.objects ?? [];
  const planned = random() < failingShare ? objects.map(refusedOf) : objects.map(changeOf);
  yield encodePlan(targetPlanOf(planned, 0, sha256));
}

function changeOf({ identity, digest }: IndexedObject): PlannedObject {
  const fields = [{ path: '/data/value', before: '"before"', after: JSON.stringify(digest) }];
  return { object: identity, action: 'change', fields, omitted: null, recreated: false, note: '' };
}

function refusedOf({ identity: object }: IndexedObject): PlannedObject {
  const message = 'the simulated cluster was told to fail';
  return { object, action: 'fail', reason: 'Refused', message };
}
