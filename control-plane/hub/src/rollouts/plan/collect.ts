/**
 * What agents answered → a row for each, and each diff once. An answer is untrusted: it is read strictly, its digest is taken
 * here, and what is too large or no plan is that cluster's error.
 */
import { problemOfPlan } from '@flotilla/domain/plan/message';
import { parsePlan } from '@flotilla/domain/plan/parse';
import { encodePlan, planBytesMax } from '@flotilla/domain/plan/targetPlan';
import { verdictOfTarget } from '@flotilla/domain/plan/verdict';
import type { DataKeys } from '../../platform/dataKeys.ts';
import { sha256Hex } from '../../platform/digest.ts';
import type { Observations } from '../../platform/observations.ts';
import type { Database } from '../../platform/prisma.ts';
import * as store from './ask.store.ts';

export interface CollectContext {
  database: Database;
  observations: Observations;
  dataKeys: DataKeys;
}

const answersPerTransaction = 100;
/** A plan is bounded by its agent; counts and notation come on top. */
const answerBytesMax = 2 * planBytesMax;
const messageMax = 500;
/** What one plan keeps of diffs; of what comes later only the digest is kept. */
export const diffsMax = 100;
export const diffBytesMax = 8 * 1024 * 1024;

interface Answered {
  result: store.ResultToSave;
  diff: { digest: string; bytes: Uint8Array } | null;
}

/** All that has come so far; gives how many. */
export async function collect(context: CollectContext, plan: store.AskingPlan): Promise<number> {
  let collected = 0;
  for (;;) {
    const finished = await store.readFinished(context.database, plan.id, answersPerTransaction);
    if (finished.length === 0) return collected;
    const answered = await readAnswers(context.database, finished);
    const diffs = await diffsToKeep(context, plan, answered);
    await context.observations.write(async (tx) => {
      await store.saveDiffs(tx, plan.id, diffs);
      await store.saveResults(
        tx,
        plan.id,
        answered.map(({ result }) => result),
      );
    });
    collected += finished.length;
  }
}

async function readAnswers(
  database: Database,
  finished: readonly store.FinishedAnswer[],
): Promise<Answered[]> {
  const small = finished.filter(({ bytes }) => bytes <= answerBytesMax);
  const chunks = Map.groupBy(
    await store.readChunks(
      database,
      small.map(({ commandId }) => commandId),
    ),
    ({ commandId }) => commandId,
  );
  return finished.map((answer) => readAnswer(answer, chunks.get(answer.commandId) ?? []));
}

function readAnswer(answer: store.FinishedAnswer, chunks: readonly store.ChunkRow[]): Answered {
  if (answer.bytes > answerBytesMax) return failed(answer, 'its answer is too large');
  const error = chunks.find((chunk) => chunk.error !== null)?.error;
  if (error) return failed(answer, errorText(error));
  const plan = parsePlan(Buffer.concat(chunks.flatMap(({ data }) => data ?? [])));
  if (!plan.ok) return failed(answer, `its answer is no plan: ${plan.reason}`);
  const bytes = encodePlan(plan.value);
  const digest = sha256Hex(bytes);
  const { targetId, commandId } = answer;
  const { counts } = plan.value;
  const message = problemOfPlan(plan.value);
  const verdict = verdictOfTarget(counts);
  return {
    result: { targetId, commandId, state: 'Answered', digest, verdict, counts, message },
    diff: { digest, bytes },
  };
}

function errorText({ code, message }: { code: string; message: string }): string {
  return code === 'unsupported' ? 'its agent is too old for plans: upgrade it' : message;
}

function failed({ targetId, commandId }: store.FinishedAnswer, message: string): Answered {
  const nothing = { digest: null, verdict: null, counts: null };
  const result = { targetId, commandId, state: 'Error' as const, ...nothing };
  return { result: { ...result, message: message.slice(0, messageMax) }, diff: null };
}

async function diffsToKeep(
  { database, dataKeys }: CollectContext,
  plan: store.AskingPlan,
  answered: readonly Answered[],
): Promise<store.DiffToSave[]> {
  const kept = await store.readKept(database, plan.id);
  const fresh = new Map(answered.flatMap(({ diff }) => (diff === null ? [] : [[diff.digest, diff.bytes]])));
  const toSave: store.DiffToSave[] = [];
  for (const [digest, bytes] of fresh) {
    const isFull = kept.digests.size >= diffsMax || kept.bytes + bytes.length > diffBytesMax;
    if (kept.digests.has(digest) || isFull) continue;
    kept.digests.add(digest);
    kept.bytes += bytes.length;
    const sealed = await dataKeys.seal(plan.projectId, 'plan_diffs', digest, bytes);
    toSave.push({ digest, ...sealed, sizeBytes: bytes.length });
  }
  return toSave;
}
