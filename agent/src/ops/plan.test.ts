/** `plan` and `diff` as commands: what is dry-run is what was asked for, and what cannot be is said so. */
import { encodeBody } from '@flotilla/domain/desired/encode';
import type { Head } from '@flotilla/domain/desired/entry';
import { parsePlan } from '@flotilla/domain/plan/parse';
import type { TargetPlan } from '@flotilla/domain/plan/plan';
import { targetPlanOf } from '@flotilla/domain/plan/targetPlan';
import { toHex } from '@flotilla/domain/digest/sha256';
import { expect, test } from 'vitest';
import { testBody, testHead } from '../hub/desired.fixture.ts';
import type { SideCalls } from '../hub/connection.ts';
import { FetchError } from '../hub/fetch.ts';
import type { DryRunRequest } from '../reconcile/dryRun.ts';
import type { BundleStore } from '../state/bundles.ts';
import { sha256 } from '../state/sha256.ts';
import { AnswerError } from './answer.ts';
import { answerDiff, answerPlan } from './plan.ts';

const bundle = 'b'.repeat(64);
const target = '00000000-0000-4000-8000-000000000001';
const signal = new AbortController().signal;
const head: Head = { ...testHead(), body: 'c'.repeat(64) };
const plan: TargetPlan = targetPlanOf([], 3, sha256);

function context(complete: boolean) {
  const asked: DryRunRequest[] = [];
  return {
    asked,
    bundles: { isComplete: () => complete, index: () => Promise.resolve(null) } as unknown as BundleStore,
    dryRun: (request: DryRunRequest) => {
      asked.push(request);
      return Promise.resolve(plan);
    },
  };
}

const noSide: SideCalls = {
  use: () => Promise.reject(new FetchError(bundle, 'NOT_FOUND: no such bundle', { missing: true })),
  close: () => undefined,
};

async function answered(content: AsyncIterable<Uint8Array>): Promise<unknown> {
  try {
    const chunks = await Array.fromAsync(content);
    return parsePlan(Buffer.concat(chunks));
  } catch (error) {
    if (error instanceof AnswerError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

test('a plan is of the bundle and under the body that came with it, hooks included', async () => {
  const { asked, ...parts } = context(true);
  const body = testBody();
  const bytes = encodeBody(body);
  const answer = await answered(answerPlan(parts, { target, bundle, body: bytes }, noSide, signal));
  expect(answer).toEqual({ ok: true, value: plan });
  expect(asked).toEqual([{ target, bundle, body, bodyDigest: toHex(sha256(bytes)), hooks: true }]);
});

test('a diff is of what is assigned, and runs no hooks', async () => {
  const { asked, ...parts } = context(true);
  const body = testBody();
  expect(await answered(answerDiff(parts, { head, body }, signal))).toEqual({ ok: true, value: plan });
  expect(asked).toEqual([
    { target: head.target, bundle: head.bundle.digest, body, bodyDigest: head.body, hooks: false },
  ]);
});

test('a body that cannot be read and a bundle that cannot be had are said so, and nothing is dry-run', async () => {
  const { asked, ...parts } = context(false);
  const body = Buffer.from('{}');
  expect(await answered(answerPlan(parts, { target, bundle, body }, noSide, signal))).toMatch(
    /^failed: this agent cannot read the application: application must be/,
  );
  const good = encodeBody(testBody());
  expect(await answered(answerPlan(parts, { target, bundle, body: good }, noSide, signal))).toBe(
    'failed: the bundle could not be fetched: NOT_FOUND: no such bundle',
  );
  expect(await answered(answerDiff(parts, { head, body: testBody() }, signal))).toBe(
    'failed: its bundle has not arrived yet',
  );
  expect(asked).toEqual([]);
});
