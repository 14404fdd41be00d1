/**
 * What agents report, parsed once. A state or fact that does not parse is left out and counted: it is that target's
 * loss, never the batch's, because a batch that can never be committed would be sent for ever.
 */
import { hash } from 'node:crypto';
import type { FactBody, ObservedState } from '@flotilla/domain/status/observed';
import type { ReportBatch } from '@flotilla/proto/messages';
import { z } from 'zod';

export interface ReportedState {
  clusterId: string;
  fence: bigint;
  seq: bigint;
  /** SHA-256 of the bytes as they came, for the observed digest. */
  digest: string;
  state: ObservedState;
  json: string;
}

export interface ReportedFact {
  clusterId: string;
  incarnation: string;
  number: bigint;
  agentAt: Date;
  /** Null: did not parse; its number is committed all the same. */
  fact: FactBody | null;
}

const sync = z.enum(['Synced', 'OutOfSync', 'Unknown']);
const healthStatus = z.enum(['Healthy', 'Suspended', 'Progressing', 'Missing', 'Degraded', 'Unknown']);
const health = z.object({ status: healthStatus, message: z.string() });
const phase = z.enum(['Running', 'Succeeded', 'Failed', 'Error', 'Terminating']);
const count = z.int().min(0);
const identity = z.object({ group: z.string(), kind: z.string(), namespace: z.string(), name: z.string() });
const digest = z.string();

const stateSchema = z.object({
  target: z.string(),
  assignment: count,
  revision: count,
  bundle: digest,
  sync,
  health,
  operation: z
    .object({
      assignment: count,
      phase,
      message: z.string(),
      startedAt: z.string(),
      finishedAt: z.string().nullable(),
      attempt: count,
    })
    .nullable(),
  counts: z.object({ objects: count, outOfSync: count, pruneHeld: count }),
  // A newer agent may name a condition that this hub does not know: shown as it is.
  conditions: z.array(z.object({ type: z.string(), message: z.string() })).max(200),
  resources: z.array(identity.extend({ sync, health: health.nullable(), message: z.string() })).max(200),
  removal: z.enum(['None', 'Pruning', 'Removed']),
});

const ofTarget = { target: z.string(), assignment: count };
const factSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('Applied'),
    ...ofTarget,
    fromRevision: count.nullable(),
    revision: count,
    bundle: digest,
  }),
  z.object({ type: z.literal('Operation'), ...ofTarget, phase, message: z.string(), startedAt: z.string() }),
  z.object({
    type: z.literal('Drift'),
    ...ofTarget,
    object: identity,
    fields: z.array(z.object({ path: z.string(), manager: z.string(), time: z.string() })),
    reverted: z.boolean(),
  }),
  z.object({ type: z.literal('Removed'), ...ofTarget, mode: z.enum(['delete', 'orphan', 'detach']) }),
  z.object({ type: z.literal('Pruned'), ...ofTarget, object: identity, uid: z.string() }),
  z.object({ type: z.literal('Overflow'), dropped: count }),
]);

export interface ParsedReport {
  states: ReportedState[];
  facts: ReportedFact[];
  malformed: number;
}

export function parseReport(clusterId: string, batch: ReportBatch): ParsedReport {
  const states = batch.states.map(({ target, seq, state }) => {
    const json = decode(state);
    const parsed = stateSchema.safeParse(parseJson(json));
    if (!parsed.success || parsed.data.target !== target) return null;
    const digest = hash('sha256', state, 'hex');
    return { clusterId, fence: batch.fence, seq, digest, json, state: parsed.data as ObservedState };
  });
  const facts = batch.facts.map(({ number, at, fact }): ReportedFact => {
    const parsed = factSchema.safeParse(parseJson(decode(fact)));
    const body = parsed.success ? (parsed.data as FactBody) : null;
    return { clusterId, incarnation: batch.incarnation, number, agentAt: at, fact: body };
  });
  const understood = states.filter((state) => state !== null);
  const unread = facts.filter(({ fact }) => fact === null).length;
  return { states: understood, facts, malformed: states.length - understood.length + unread };
}

const decoder = new TextDecoder();

/** Text as Postgres can store it: NUL, which JSON allows and Postgres does not, becomes U+FFFD. */
function decode(bytes: Uint8Array): string {
  const text = decoder.decode(bytes);
  return text.includes('\\u0000') ? text.replace(/(?<!\\)((?:\\\\)*)\\u0000/g, '$1\\ufffd') : text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
