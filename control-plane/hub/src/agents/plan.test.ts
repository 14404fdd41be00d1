import { describe, expect, test } from 'vitest';
import { rootDigest } from '@flotilla/domain/desired/set';
import { sha256 } from '../platform/digest.ts';
import { bodiesToSend, nackBackoffMs, planDesired, type Base, type WantedEntry } from './plan.ts';
import { judgeMark } from './recovery.ts';

function entry(target: string, version: string, generation: number): WantedEntry {
  return {
    target,
    headDigest: `${target}${version}`.padEnd(64, '0'),
    bodyDigest: `b${target}`.padEnd(64, '0'),
    generation,
  };
}

function baseOf(entries: WantedEntry[], generation: number, known = true): Base {
  const mark = { epoch: 1, generation, digest: rootDigest(entries, sha256) };
  return { mark, entries: known ? new Map(entries.map((one) => [one.target, one])) : null };
}

const one = entry('a', '1', 1);
const two = entry('b', '1', 2);

describe('what is sent', () => {
  test('nothing, when the agent holds exactly this', () => {
    expect(
      planDesired({ base: baseOf([one, two], 2), epoch: 1, generation: 2, wanted: [one, two] }, sha256),
    ).toBeNull();
  });

  test('the complete set, when it holds nothing or is of another epoch', () => {
    expect(planDesired({ base: null, epoch: 1, generation: 2, wanted: [one] }, sha256)).toMatchObject({
      complete: true,
      upserts: ['a'],
    });
    expect(
      planDesired({ base: baseOf([one], 2), epoch: 2, generation: 2, wanted: [one] }, sha256),
    ).toMatchObject({ complete: true });
  });

  test('a delta by content where that is known, removals included', () => {
    const changed = entry('a', '2', 3);
    const plan = planDesired(
      { base: baseOf([one, two], 2), epoch: 1, generation: 3, wanted: [changed] },
      sha256,
    );
    expect(plan).toMatchObject({ complete: false, baseGeneration: 2, upserts: ['a'], removals: ['b'] });
  });

  test('OCM: an empty hub list returns early, so deletes never arrive: here the last entry that goes is sent as a removal', () => {
    const known = planDesired({ base: baseOf([one], 2), epoch: 1, generation: 3, wanted: [] }, sha256);
    expect(known).toMatchObject({ complete: false, upserts: [], removals: ['a'] });
    const unknown = planDesired({ base: null, epoch: 1, generation: 3, wanted: [] }, sha256);
    expect(unknown).toMatchObject({ complete: true, upserts: [] });
  });

  test('a delta by generation where only the digest is known', () => {
    const changed = entry('b', '2', 3);
    const plan = planDesired(
      { base: baseOf([one, two], 2, false), epoch: 1, generation: 3, wanted: [one, changed] },
      sha256,
    );
    expect(plan).toMatchObject({ complete: false, upserts: ['b'], removals: [] });
  });

  test('an empty delta, when only the generation rose', () => {
    const plan = planDesired({ base: baseOf([one], 1), epoch: 1, generation: 2, wanted: [one] }, sha256);
    expect(plan).toMatchObject({ complete: false, upserts: [], removals: [] });
  });

  test('the complete set, when the same generation has another digest', () => {
    expect(
      planDesired({ base: baseOf([one], 2), epoch: 1, generation: 2, wanted: [two] }, sha256),
    ).toMatchObject({ complete: true });
  });

  test('a body once a stream, and none that the agent holds; all of them with a complete set', () => {
    const base = baseOf([one], 1);
    const wanted = [entry('a', '2', 2), two];
    const delta = planDesired({ base, epoch: 1, generation: 2, wanted }, sha256)!;
    expect(bodiesToSend(delta, wanted, base, new Set())).toEqual([two.bodyDigest]);
    expect(bodiesToSend(delta, wanted, base, new Set([two.bodyDigest]))).toEqual([]);
    const complete = planDesired({ base: null, epoch: 1, generation: 2, wanted }, sha256)!;
    expect(bodiesToSend(complete, wanted, null, new Set([two.bodyDigest]))).toHaveLength(2);
  });

  test('nacks back off from 5 s to 5 min', () => {
    expect([1, 2, 3, 20].map(nackBackoffMs)).toEqual([5000, 10_000, 20_000, 300_000]);
  });
});

describe('what a mark proves', () => {
  const mark = { epoch: 1, generation: 5, digest: 'd' };

  test('known, lost ack, behind, and a database that went back', () => {
    expect(judgeMark({ mark, accepted: mark, sent: [] }).verdict).toBe('known');
    expect(judgeMark({ mark: null, accepted: null, sent: [] }).verdict).toBe('known');
    expect(judgeMark({ mark, accepted: null, sent: [mark] }).verdict).toBe('acked');
    expect(judgeMark({ mark: null, accepted: mark, sent: [] }).verdict).toBe('behind');
    expect(judgeMark({ mark: { ...mark, generation: 4 }, accepted: mark, sent: [] }).verdict).toBe('behind');
    expect(judgeMark({ mark, accepted: null, sent: [] }).verdict).toBe('unknown');
    expect(judgeMark({ mark, accepted: { ...mark, generation: 4 }, sent: [] }).verdict).toBe('unknown');
    expect(judgeMark({ mark: { ...mark, digest: 'x' }, accepted: mark, sent: [] }).verdict).toBe('unknown');
    expect(judgeMark({ mark, accepted: null, sent: [{ ...mark, digest: 'x' }] }).verdict).toBe('unknown');
  });
});
