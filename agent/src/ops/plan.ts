/** `plan` and `diff`: what a bundle would change here, as one document. A bundle that is not on disk yet is fetched first. */
import type { Body, Head } from '@flotilla/domain/desired/entry';
import { parseBody } from '@flotilla/domain/desired/parse';
import { toHex, type Digest } from '@flotilla/domain/digest/sha256';
import { encodePlan } from '@flotilla/domain/plan/targetPlan';
import type { SideCalls } from '../hub/connection.ts';
import { fetchBundle, FetchError } from '../hub/fetch.ts';
import type { DryRun } from '../reconcile/dryRun.ts';
import type { BundleStore } from '../state/bundles.ts';
import { sha256 } from '../state/sha256.ts';
import { AnswerError } from './answer.ts';

export interface PlanContext {
  bundles: BundleStore;
  dryRun: DryRun;
}

/** Of a bundle that is not assigned, with the body it would be applied with. */
export async function* answerPlan(
  { bundles, dryRun }: PlanContext,
  request: { target: string; bundle: Digest; body: Uint8Array },
  side: SideCalls,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { target, bundle } = request;
  const body = parseBody(request.body);
  if (!body.ok) throw new AnswerError('failed', `this agent cannot read the application: ${body.reason}`);
  await fetchOrSay(bundles, { target, digest: bundle }, side, signal);
  const bodyDigest = toHex(sha256(request.body));
  yield encodePlan(await dryRun({ target, bundle, body: body.value, bodyDigest, hooks: true }, signal));
}

/** Of what is assigned now: how the cluster differs from it. */
export async function* answerDiff(
  { bundles, dryRun }: PlanContext,
  { head, body }: { head: Head; body: Body },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const bundle = head.bundle.digest;
  if (!bundles.isComplete(bundle)) throw new AnswerError('failed', 'its bundle has not arrived yet');
  const request = { target: head.target, bundle, body, bodyDigest: head.body, hooks: false };
  yield encodePlan(await dryRun(request, signal));
}

async function fetchOrSay(
  bundles: BundleStore,
  wanted: { target: string; digest: Digest },
  side: SideCalls,
  signal: AbortSignal,
): Promise<void> {
  try {
    await fetchBundle({ bundles, side, partial: { frame: null } }, wanted, signal);
  } catch (error) {
    if (!(error instanceof FetchError)) throw error;
    throw new AnswerError('failed', `the bundle could not be fetched: ${error.message}`, { cause: error });
  }
}
