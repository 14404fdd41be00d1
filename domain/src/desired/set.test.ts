import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { canonicalBytes } from '../bundle/canonical.ts';
import { toHex, type Digest, type Sha256 } from '../digest/sha256.ts';
import type { HeadState } from './entry.ts';
import { compareMarks, isAcceptable } from './mark.ts';
import { collectPart, splitDesired, type DesiredPart } from './parts.ts';
import {
  applyDesired,
  desiredBetween,
  rootDigest,
  type DesiredContext,
  type DesiredMessage,
  type DesiredSet,
  type HeldEntry,
} from './set.ts';

const sha256: Sha256 = (bytes) => createHash('sha256').update(bytes).digest();
const digestOf = (bytes: Uint8Array): Digest => toHex(sha256(bytes));

interface Row {
  target: string;
  assignment: number;
  body: string;
  state?: HeadState;
}

function setOf(epoch: number, generation: number, rows: Row[]): DesiredSet {
  const bodies = new Map<Digest, Uint8Array>();
  const entries = new Map<string, HeldEntry>();
  for (const { target, assignment, body, state = 'Active' } of rows) {
    const bodyBytes = canonicalBytes({ body });
    bodies.set(digestOf(bodyBytes), bodyBytes);
    const head = canonicalBytes({ target, assignment, state, body: digestOf(bodyBytes), unknown: 'kept' });
    entries.set(target, { target, head, headDigest: digestOf(head), bodyDigest: digestOf(bodyBytes) });
  }
  return { mark: { epoch, generation, digest: rootDigest(entries.values(), sha256) }, entries, bodies };
}

function context(held: DesiredSet | null, more: Partial<DesiredContext> = {}): DesiredContext {
  return { held, mark: held?.mark ?? null, knownBodies: new Map(), sha256, ...more };
}

function accepted(message: DesiredMessage, held: DesiredSet | null): DesiredSet {
  const verdict = applyDesired(message, context(held));
  if (verdict.outcome !== 'accepted') throw new Error(JSON.stringify(verdict));
  return verdict.set;
}

const rows = fc.uniqueArray(
  fc.record({
    target: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    assignment: fc.nat({ max: 3 }),
    body: fc.constantFrom('x', 'y', 'z'),
    state: fc.constantFrom<HeadState>('Removing'),
  }),
  { selector: (row) => row.target },
);

describe('properties', () => {
  test('a delta on its base gives what the complete set gives', () => {
    fc.assert(
      fc.property(rows, rows, (before, after) => {
        const [base, next] = [setOf(1, 1, before), setOf(1, 2, after)];
        const byDelta = accepted(desiredBetween(base, next, new Set()), base);
        const whole = accepted(desiredBetween(null, next, new Set()), null);
        expect(byDelta).toEqual(next);
        expect(whole).toEqual(next);
      }),
    );
  });

  test('the root digest does not depend on the order of entries', () => {
    fc.assert(
      fc.property(rows, (all) => {
        expect(setOf(1, 1, all.toReversed()).mark.digest).toBe(setOf(1, 1, all).mark.digest);
      }),
    );
  });

  test('whatever arrives in whatever order, what is held never goes back', () => {
    const messages = fc.array(
      fc.record({
        epoch: fc.integer({ min: 1, max: 2 }),
        generation: fc.integer({ min: 1, max: 6 }),
        all: rows,
        delta: fc.boolean(),
      }),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(messages, (arriving) => {
        let held: DesiredSet | null = null;
        for (const { epoch, generation, all, delta } of arriving) {
          const next = setOf(epoch, generation, all);
          const message = desiredBetween(delta ? held : null, next, new Set());
          const verdict = applyDesired(message, context(held));
          if (verdict.outcome !== 'accepted') continue;
          if (held) expect(compareMarks(verdict.set.mark, held.mark)).toBeGreaterThanOrEqual(0);
          if (held && compareMarks(verdict.set.mark, held.mark) === 0) expect(verdict.set).toEqual(held);
          held = verdict.set;
        }
      }),
    );
  });

  test('a message in parts is the same message', () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 600 }), (all, bytesMax) => {
        const message = desiredBetween(null, setOf(1, 2, all), new Set());
        let begun: DesiredPart[] = [];
        const parts = splitDesired(message, bytesMax);
        for (const part of parts.slice(0, -1)) {
          const collected = collectPart(begun, part);
          if (collected.outcome !== 'partial') throw new Error(collected.outcome);
          begun = collected.parts;
        }
        expect(collectPart(begun, parts.at(-1)!)).toEqual({ outcome: 'whole', message });
      }),
    );
  });
});

describe('verdicts', () => {
  const base = setOf(1, 5, [{ target: 'a', assignment: 1, body: 'x' }]);
  const next = setOf(1, 6, [
    { target: 'a', assignment: 2, body: 'x' },
    { target: 'b', assignment: 1, body: 'y' },
  ]);
  const delta = desiredBetween(base, next, new Set());

  test('a delta carries only what changed, and no body that is held', () => {
    expect(delta.upserts.map((entry) => entry.target)).toEqual(['a', 'b']);
    expect(delta.bodies).toHaveLength(1);
    expect(
      desiredBetween(base, setOf(1, 6, [{ target: 'a', assignment: 1, body: 'x' }]), new Set()).upserts,
    ).toEqual([]);
  });

  test('a body that came earlier on the stream need not come again', () => {
    const digest = [...next.bodies.keys()].find((key) => !base.bodies.has(key))!;
    const bare = desiredBetween(base, next, new Set([digest]));
    expect(bare.bodies).toEqual([]);
    expect(applyDesired(bare, context(base)).outcome).toBe('wantComplete');
    expect(applyDesired(bare, context(base, { knownBodies: next.bodies })).outcome).toBe('accepted');
  });

  test('bytes are kept as they came, unknown fields included', () => {
    expect(new TextDecoder().decode(accepted(delta, base).entries.get('a')!.head)).toContain(
      '"unknown":"kept"',
    );
  });

  test('OCM: an empty hub list returns early, so deletes never arrive: here an empty complete set empties what is held', () => {
    expect(accepted(desiredBetween(null, setOf(1, 6, []), new Set()), base).entries.size).toBe(0);
  });

  test('what is older is stale, and so is the mark itself with another digest', () => {
    expect(applyDesired(desiredBetween(null, setOf(1, 4, []), new Set()), context(base))).toEqual({
      outcome: 'stale',
    });
    expect(applyDesired(desiredBetween(null, setOf(1, 5, []), new Set()), context(base))).toEqual({
      outcome: 'stale',
    });
    expect(applyDesired(desiredBetween(null, setOf(0, 9, []), new Set()), context(base))).toEqual({
      outcome: 'stale',
    });
  });

  test('the complete set of exactly the mark is taken where the snapshot was lost, a delta is not', () => {
    const lost = context(null, { mark: next.mark });
    expect(applyDesired(desiredBetween(null, next, new Set()), lost).outcome).toBe('accepted');
    expect(applyDesired({ ...delta, complete: false }, lost)).toEqual({ outcome: 'stale' });
    expect(applyDesired({ ...delta, generation: 7 }, lost)).toEqual({
      outcome: 'wantComplete',
      reason: 'Lost',
    });
  });

  test('a delta on another base asks for the complete set', () => {
    expect(applyDesired({ ...delta, generation: 9, baseGeneration: 8 }, context(base))).toEqual({
      outcome: 'wantComplete',
      reason: 'OtherBase',
    });
    expect(applyDesired({ ...delta, epoch: 2 }, context(base))).toEqual({
      outcome: 'wantComplete',
      reason: 'OtherBase',
    });
  });

  test('argocd-agent: a resync checksum covers identity only: here one changed byte of content is another digest, and is sent', () => {
    const changed = setOf(1, 6, [{ target: 'a', assignment: 1, body: 'x!' }]);
    const same = setOf(1, 6, [{ target: 'a', assignment: 1, body: 'x' }]);
    expect(same.mark.digest).toBe(base.mark.digest);
    expect(changed.mark.digest).not.toBe(base.mark.digest);
    expect(desiredBetween(base, changed, new Set()).upserts).toHaveLength(1);
    expect(desiredBetween(base, same, new Set()).upserts).toEqual([]);
  });

  test('argocd-agent: full resync once per process: here every delta that gives another digest asks for the complete set; a complete set that does is broken', () => {
    const digest = 'a'.repeat(64);
    expect(applyDesired({ ...delta, digest }, context(base))).toEqual({
      outcome: 'wantComplete',
      reason: 'DigestMismatch',
    });
    expect(applyDesired({ ...desiredBetween(null, next, new Set()), digest }, context(base))).toMatchObject({
      outcome: 'broken',
      reason: 'digest',
    });
  });

  test('an Active or Suspended entry is never dropped by a removal', () => {
    const without = desiredBetween(base, setOf(1, 6, []), new Set());
    expect(without.removals).toEqual(['a']);
    expect(applyDesired(without, context(base))).toMatchObject({
      outcome: 'broken',
      detail: 'removal of a, which is Active',
    });
    const leaving = setOf(1, 5, [{ target: 'a', assignment: 1, body: 'x', state: 'Removing' }]);
    expect(accepted(desiredBetween(leaving, setOf(1, 6, []), new Set()), leaving).entries.size).toBe(0);
  });

  test('a head that names no body makes the message broken', () => {
    const upserts = [{ target: 'a', head: new TextEncoder().encode('{"target":"a"}') }];
    expect(applyDesired({ ...delta, upserts }, context(base))).toMatchObject({
      outcome: 'broken',
      reason: 'malformed',
    });
  });

  test('no input is changed', () => {
    const before = structuredClone(base);
    applyDesired(delta, context(base));
    expect(base).toEqual(before);
  });
});

test('marks are compared by epoch, then generation', () => {
  const mark = (epoch: number, generation: number) => ({ epoch, generation, digest: 'd' });
  expect(compareMarks(mark(2, 1), mark(1, 9))).toBeGreaterThan(0);
  expect(compareMarks(mark(1, 1), mark(1, 9))).toBeLessThan(0);
  expect(isAcceptable(null, { ...mark(0, 0), complete: false })).toBe(true);
  expect(isAcceptable(mark(1, 1), { ...mark(1, 1), complete: false })).toBe(false);
  expect(isAcceptable(mark(1, 1), { ...mark(1, 1), complete: true })).toBe(true);
  expect(isAcceptable(mark(1, 1), { ...mark(2, 0), complete: false })).toBe(true);
});

test('a part that does not follow is broken, and the first of another message drops what was begun', () => {
  const message = desiredBetween(
    null,
    setOf(1, 2, [
      { target: 'a', assignment: 1, body: 'x' },
      { target: 'b', assignment: 1, body: 'y' },
    ]),
    new Set(),
  );
  const [first, second] = splitDesired(message, 1);
  expect(collectPart([], second!).outcome).toBe('broken');
  expect(collectPart([first!], { ...second!, generation: 3 }).outcome).toBe('broken');
  const other = splitDesired({ ...message, generation: 3 }, 1)[0]!;
  expect(collectPart([first!], other)).toEqual({ outcome: 'partial', parts: [other] });
});
