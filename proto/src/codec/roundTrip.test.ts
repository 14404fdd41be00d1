/** Whatever one side may say, the other side reads the same; and no bytes at all make a reader throw anything but a WireError. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AgentMessage, HubMessage } from '../messages.ts';
import { WireError } from '../wireError.ts';
import { decodeAgentMessage, encodeAgentMessage } from './agentMessage.ts';
import { decodeAnswerAck, decodeAnswerChunk, encodeAnswerAck, encodeAnswerChunk } from './answer.ts';
import { decodeBundleChunk, decodeBundleRequest, encodeBundleChunk, encodeBundleRequest } from './bundle.ts';
import { decodeBrokenDesired, decodeHubMessage, encodeHubMessage } from './hubMessage.ts';
import { decodeReportAck, decodeReportBatch, encodeReportAck, encodeReportBatch } from './report.ts';

const uuid = fc.uuid();
const digest = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('hex'));
const counter = fc.bigInt({ min: 0n, max: BigInt(Number.MAX_SAFE_INTEGER) });
const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 });
const time = fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true });
const text = fc.string({ maxLength: 80, unit: 'grapheme' });
const shortText = fc.string({ minLength: 1, maxLength: 80 });
const version = fc.integer({ min: 0, max: 0x7fffffff });
const delayMs = fc.integer({ min: 0, max: 3_600_000 });
const count = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const mark = fc.record({ epoch: count, generation: count, digest });
const entry = fc.record({ target: uuid, head: bytes });
const slot = fc.constantFrom('current' as const, 'next' as const);
const checkpoint = fc.record({ seq: counter, hash: digest, at: time, signature: bytes, keyId: text });
const orNull = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { nil: null });

const hello: fc.Arbitrary<AgentMessage> = fc.record({
  type: fc.constant('Hello' as const),
  session: uuid,
  instance: uuid,
  incarnation: uuid,
  standby: fc.boolean(),
  clusterUid: uuid,
  leaseUid: fc.oneof(uuid, fc.constant('')),
  leaseTransitions: counter,
  mark: orNull(mark),
  held: orNull(mark),
  observedDigest: orNull(digest),
  inventoryDigest: orNull(digest),
  lastCheckpoint: orNull(checkpoint),
  versions: fc.record({ agent: shortText, protocol: version, kubernetes: text }),
  capabilities: fc.array(shortText, { maxLength: 5 }),
  clock: time,
  facts: fc.dictionary(shortText, text, { maxKeys: 5, noNullPrototype: false }),
  trustBundleVersion: version,
});

const agentMessage: fc.Arbitrary<AgentMessage> = fc.oneof(
  hello,
  fc.record({
    type: fc.constant('DesiredAck' as const),
    epoch: count,
    generation: count,
    digest,
    errors: fc.array(fc.record({ target: uuid, reason: text }), { maxLength: 3 }),
  }),
  fc.record({
    type: fc.constant('DesiredNack' as const),
    epoch: count,
    generation: count,
    reason: fc.constantFrom('digest' as const, 'size' as const, 'disk' as const, 'malformed' as const),
    detail: text,
  }),
  fc.record({ type: fc.constant('WantComplete' as const), reason: text }),
  fc.record({ type: fc.constant('CommandAck' as const), commandId: uuid }),
  fc.record({ type: fc.constant('Renew' as const), csr: bytes, slot }),
  fc.record({
    type: fc.constant('Stored' as const),
    stored: fc.oneof(
      fc.record({ what: fc.constant('trustBundle' as const), version }),
      fc.record({ what: fc.constant('checkpoint' as const), seq: counter }),
      fc.record({ what: fc.constant('certificate' as const), serial: fc.constant('0a1b') }),
    ),
  }),
  fc.record({
    type: fc.constant('Holdings' as const),
    entries: fc.array(entry, { maxLength: 3 }),
    bodies: fc.array(bytes, { maxLength: 3 }),
    bundles: fc.array(fc.record({ digest, index: bytes }), { maxLength: 3 }),
    last: fc.boolean(),
  }),
);

const command = fc.oneof(
  fc.record({
    kind: fc.constant('refresh' as const),
    target: fc.oneof(uuid, fc.constant('')),
    hard: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('plan' as const), target: uuid, bundle: digest, body: bytes }),
  fc.record({ kind: fc.constant('diff' as const), target: uuid }),
  fc.record({
    kind: fc.constant('logs' as const),
    target: uuid,
    namespace: shortText,
    pod: shortText,
    container: text,
    tailLines: version,
    follow: fc.boolean(),
    previous: fc.boolean(),
    since: orNull(time),
  }),
  fc.record({ kind: fc.constant('terminate' as const), target: uuid, hook: text }),
  fc.record({ kind: fc.constant('sendBundle' as const), digest }),
  fc.record({ kind: fc.constant('unknown' as const) }),
);

const desired: fc.Arbitrary<HubMessage> = fc.record({
  type: fc.constant('Desired' as const),
  epoch: count,
  generation: count,
  baseGeneration: count,
  part: fc.integer({ min: 1, max: 3 }),
  parts: fc.integer({ min: 3, max: 6 }),
  upserts: fc.array(entry, { maxLength: 4 }),
  bodies: fc.array(bytes, { maxLength: 4 }),
  removals: fc.array(uuid, { maxLength: 4 }),
  digest,
  complete: fc.boolean(),
});

const hubMessage: fc.Arbitrary<HubMessage> = fc.oneof(
  fc.record({
    type: fc.constant('Welcome' as const),
    fence: counter,
    hubId: uuid,
    standby: fc.boolean(),
    recovering: fc.boolean(),
    intervals: fc.record({ reportDebounceMs: delayMs, heartbeatMs: delayMs, fullCheckMs: delayMs }),
    factNumber: counter,
    trustBundleVersion: version,
    mark: orNull(mark),
    clock: time,
    observedDigest: orNull(digest),
  }),
  desired,
  fc.record({ type: fc.constant('Command' as const), id: uuid, expiresAt: time, command }),
  fc.record({ type: fc.constant('Certificate' as const), chain: text, slot }),
  fc.record({ type: fc.constant('RotateKey' as const), reason: text }),
  fc.record({
    type: fc.constant('TrustBundle' as const),
    version,
    certificates: fc.array(text, { maxLength: 3 }),
  }),
  fc.record({ type: fc.constant('Checkpoint' as const), checkpoint }),
  fc.record({ type: fc.constant('Drain' as const), retryAfterMs: delayMs }),
  fc.record({
    type: fc.constant('Refused' as const),
    reason: fc.constantFrom(
      'revoked' as const,
      'quarantined' as const,
      'version' as const,
      'unknown' as const,
    ),
    retryAfterMs: delayMs,
    detail: text,
  }),
);

describe('what one side encodes the other side reads unchanged', () => {
  test('agent messages', () => {
    fc.assert(
      fc.property(agentMessage, (message) => {
        expect(plain(decodeAgentMessage(encodeAgentMessage(message)))).toEqual(plain(message));
      }),
    );
  });

  test('hub messages', () => {
    fc.assert(
      fc.property(hubMessage, (message) => {
        expect(plain(decodeHubMessage(encodeHubMessage(message)))).toEqual(plain(message));
      }),
    );
  });

  test('report batches and their acks', () => {
    const batch = fc.record({
      fence: counter,
      batch: counter,
      states: fc.array(fc.record({ target: uuid, seq: counter, state: bytes }), { maxLength: 4 }),
      facts: fc.array(fc.record({ number: counter, at: time, fact: bytes }), { maxLength: 4 }),
      incarnation: uuid,
    });
    const ack = fc.record({ batch: counter, factNumber: counter, stale: fc.boolean() });
    fc.assert(
      fc.property(batch, ack, (sent, answered) => {
        expect(plain(decodeReportBatch(encodeReportBatch(sent)))).toEqual(plain(sent));
        expect(plain(decodeReportAck(encodeReportAck(answered)))).toEqual(plain(answered));
      }),
    );
  });

  test('bundle requests, bundle chunks, answers', () => {
    const size = fc.integer({ min: 0, max: 1 << 20 });
    const request = fc.record({
      digest,
      target: uuid,
      frames: fc.array(fc.record({ digest, offset: size })),
    });
    const chunk = fc.oneof(
      fc.record({ type: fc.constant('index' as const), data: bytes, totalBytes: size }),
      fc.record({ type: fc.constant('frame' as const), digest, offset: size, data: bytes, totalBytes: size }),
    );
    const content = fc.oneof(
      fc.record({ type: fc.constant('data' as const), data: bytes }),
      fc.record({ type: fc.constant('error' as const), code: shortText, message: text }),
      fc.record({ type: fc.constant('end' as const) }),
    );
    const answer = fc.record({ commandId: uuid, seq: counter, content });
    const answered = fc.record({ commandId: uuid, receivedBytes: size });
    fc.assert(
      fc.property(request, chunk, answer, answered, (asked, piece, said, ack) => {
        expect(plain(decodeBundleRequest(encodeBundleRequest(asked)))).toEqual(plain(asked));
        expect(plain(decodeBundleChunk(encodeBundleChunk(piece)))).toEqual(plain(piece));
        expect(plain(decodeAnswerChunk(encodeAnswerChunk(said)))).toEqual(plain(said));
        expect(plain(decodeAnswerAck(encodeAnswerAck(ack)))).toEqual(plain(ack));
      }),
    );
  });
});

describe('untrusted bytes', () => {
  const decoders = [
    decodeAgentMessage,
    decodeHubMessage,
    decodeReportBatch,
    decodeReportAck,
    decodeBundleRequest,
    decodeBundleChunk,
    decodeAnswerChunk,
    decodeAnswerAck,
  ];

  test('random bytes decode or throw a WireError, never anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (input) => {
        for (const decode of decoders) expectWireErrorOrNothing(() => decode(input));
      }),
      { numRuns: 500 },
    );
  });

  test('a flipped bit in a real message decodes or throws a WireError', () => {
    fc.assert(
      fc.property(agentMessage, hubMessage, fc.nat(), fc.nat({ max: 7 }), (up, down, position, bit) => {
        expectWireErrorOrNothing(() => decodeAgentMessage(flipped(encodeAgentMessage(up), position, bit)));
        expectWireErrorOrNothing(() => decodeHubMessage(flipped(encodeHubMessage(down), position, bit)));
      }),
    );
  });

  test('an oversized state, a short digest, a broken uuid and a counter above 2^53 are refused, and the field is named', () => {
    const good = {
      type: 'DesiredAck' as const,
      epoch: 1,
      generation: 1,
      digest: 'ab'.repeat(32),
      errors: [],
    };
    expect(fieldOf(() => encodeAgentMessage({ ...good, digest: 'abc' }))).toBe('DesiredAck.digest');
    expect(fieldOf(() => encodeAgentMessage({ ...good, generation: 2 ** 60 }))).toBe('DesiredAck.generation');
    const huge = encodeReportAck({ batch: 1n << 60n, factNumber: 0n, stale: false });
    expect(fieldOf(() => decodeReportAck(huge))).toBe('ReportAck.batch');
    const notUuid = encodeAgentMessage({ type: 'CommandAck', commandId: '../../etc' });
    expect(fieldOf(() => decodeAgentMessage(notUuid))).toBe('CommandAck.commandId');
    const header = { fence: 1n, batch: 1n, facts: [], incarnation: '0190aaaa-0000-7000-8000-000000000000' };
    const long = { target: header.incarnation, seq: 1n, state: new Uint8Array(300_000) };
    expect(fieldOf(() => decodeReportBatch(encodeReportBatch({ ...header, states: [long] })))).toBe(
      'ReportBatch.states[0].state',
    );
  });

  test('of a Desired message that does not decode the generation is still known', () => {
    const broken = encodeHubMessage({
      type: 'Desired',
      epoch: 2,
      generation: 7,
      baseGeneration: 0,
      part: 1,
      parts: 1,
      upserts: [{ target: 'not a uuid', head: Uint8Array.of(1) }],
      bodies: [],
      removals: [],
      digest: 'ab'.repeat(32),
      complete: true,
    });
    expect(fieldOf(() => decodeHubMessage(broken))).toBe('Desired.upserts[0].target');
    expect(decodeBrokenDesired(broken)).toEqual({ epoch: 2, generation: 7 });
    expect(decodeBrokenDesired(encodeHubMessage({ type: 'Drain', retryAfterMs: 1 }))).toBeNull();
  });

  test('a message of a kind that is not known yet is no error', () => {
    const fieldOf99 = Uint8Array.from([0x9a, 0x06, 0x01, 0x00]);
    expect(decodeHubMessage(fieldOf99)).toBeNull();
    expect(decodeAgentMessage(fieldOf99)).toBeNull();
  });
});

function expectWireErrorOrNothing(decode: () => unknown): void {
  try {
    decode();
  } catch (error) {
    expect(error).toBeInstanceOf(WireError);
  }
}

function fieldOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof WireError) return error.field;
    throw error;
  }
  throw new Error('nothing was refused');
}

function flipped(input: Uint8Array, position: number, bit: number): Uint8Array {
  const copy = Uint8Array.from(input);
  const index = position % Math.max(copy.length, 1);
  copy[index] = (copy[index] ?? 0) ^ (1 << bit);
  return copy;
}

/** Buffers and byte arrays alike as hex, maps without regard to their prototype. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('hex') };
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}
