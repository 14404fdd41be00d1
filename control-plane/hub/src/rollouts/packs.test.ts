import { isDeepStrictEqual } from 'node:util';

import type { ChangedOutcome } from '@flotilla/domain/rollout/changes';
import { pendingOf } from '@flotilla/domain/rollout/phases';
import type { TargetOutcome, TargetState } from '@flotilla/domain/rollout/state';
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { outcomeDetail, rolloutOf, type OutcomeRow, type RolloutRow } from './fleetRows.ts';
import {
  outcomeWrites,
  packMax,
  packMin,
  unpackedRows,
  type OutcomePack,
  type OutcomeToSave,
  type OutcomeWrites,
  type StoredOutcomes,
} from './packs.ts';

const rollout = 'r';

/** What the two tables would hold. */
interface Tables {
  rows: ReadonlyMap<string, OutcomeToSave>;
  packs: ReadonlyMap<string, OutcomePack>;
}

const empty: Tables = { rows: new Map(), packs: new Map() };

function storedIn({ rows, packs }: Tables): StoredOutcomes {
  return {
    packs: [...packs].map(([id, pack]) => ({ id, ...pack })),
    own: new Map([[rollout, new Set(rows.keys())]]),
  };
}

let packsMade = 0;

function written(tables: Tables, writes: OutcomeWrites): Tables {
  const rows = new Map(tables.rows);
  const packs = new Map(tables.packs);
  for (const row of writes.inserted) {
    expect(rows.has(row.targetId), `${row.targetId} is inserted twice`).toBe(false);
    rows.set(row.targetId, row);
  }
  for (const row of writes.updated) {
    expect(rows.has(row.targetId), `${row.targetId} is updated and has no row`).toBe(true);
    rows.set(row.targetId, row);
  }
  for (const id of writes.unpacked) expect(packs.delete(id)).toBe(true);
  for (const pack of writes.packed) packs.set(`pack-${++packsMade}`, pack);
  return { rows, packs };
}

/** As a later look reads them. */
function readIn(tables: Tables): Map<string, TargetOutcome> {
  const own = [...tables.rows.values()].map(({ rolloutId, targetId, kind, assignment }): OutcomeRow => {
    const { wave, outcome, reason, state } = kind;
    return { rolloutId, targetId, wave, outcome, reason, assignment, state: JSON.parse(state) } as OutcomeRow;
  });
  const row = { id: rollout, state: {}, strategy: { waves: [] }, createdAt: new Date(0) };
  const read = rolloutOf(row as unknown as RolloutRow, [...own, ...unpackedRows(storedIn(tables))]);
  return new Map(read.outcomes);
}

function outcomeOf(target: string, more: Partial<TargetOutcome> = {}): TargetOutcome {
  return { ...pendingOf({ id: target, given: null } as TargetState, 1, 0), ...more };
}

function changed(
  before: ReadonlyMap<string, TargetOutcome>,
  after: ReadonlyMap<string, TargetOutcome>,
): ChangedOutcome[] {
  return [...after.values()]
    .filter((outcome) => !isDeepStrictEqual(before.get(outcome.target), outcome))
    .map((outcome) => ({ rollout, outcome, isNew: !before.has(outcome.target) }));
}

const ids = (count: number) => Array.from({ length: count }, (_, at) => `t${String(at).padStart(4, '0')}`);
const clusters = new Map(ids(3000).map((id) => [id, `c-${id}`]));

function save(tables: Tables, after: ReadonlyMap<string, TargetOutcome>): [Tables, OutcomeWrites] {
  const writes = outcomeWrites(storedIn(tables), changed(readIn(tables), after), clusters);
  return [written(tables, writes), writes];
}

function mapOf(outcomes: readonly TargetOutcome[]): Map<string, TargetOutcome> {
  return new Map(outcomes.map((outcome) => [outcome.target, outcome]));
}

test('a plan of two waves is written as packs alone, none too large', () => {
  const plan = ids(3000).map((id, at) => outcomeOf(id, { wave: at < 300 ? 0 : 1 }));
  const [tables, writes] = save(empty, mapOf(plan));
  expect(writes).toMatchObject({ inserted: [], updated: [], unpacked: [] });
  expect(writes.packed.map(({ targets }) => targets.length)).toEqual([300, ...Array(6).fill(450)]);
  expect(Math.max(...writes.packed.map(({ targets }) => targets.length))).toBeLessThanOrEqual(packMax);
  expect(readIn(tables)).toEqual(mapOf(plan));
});

test('a wave that is assigned but for a few is packs again, and the few are rows', () => {
  const [tables] = save(empty, mapOf(ids(1000).map((id) => outcomeOf(id))));
  const after = ids(1000).map((id, at) =>
    at % 200 === 7
      ? outcomeOf(id, { outcome: 'Deferred', reason: 'offline' })
      : outcomeOf(id, { outcome: 'Assigned', assignment: at, assignedAtMs: 5 }),
  );
  const [saved, writes] = save(tables, mapOf(after));
  expect(writes.packed.reduce((sum, { targets }) => sum + targets.length, 0)).toBe(995);
  expect(writes).toMatchObject({ inserted: { length: 5 }, updated: [], unpacked: { length: 2 } });
  expect(readIn(saved)).toEqual(mapOf(after));
});

test('whoever leaves a pack alone gets a row, which counts before the pack', () => {
  const plan = mapOf(ids(400).map((id) => outcomeOf(id)));
  const [tables] = save(empty, plan);
  const one = outcomeOf('t0003', { outcome: 'Failed', reason: 'render', message: 'no' });
  const [left, writes] = save(tables, new Map([...plan, ['t0003', one]]));
  expect(writes).toMatchObject({
    inserted: [{ targetId: 't0003', clusterId: 'c-t0003' }],
    packed: [],
    unpacked: [],
  });
  expect(readIn(left).get('t0003')).toEqual(one);
  const again = outcomeOf('t0003', { outcome: 'Succeeded', assignment: 2 });
  const [, later] = save(left, new Map([...plan, ['t0003', again]]));
  expect(later).toMatchObject({ inserted: [], updated: [{ targetId: 't0003' }], packed: [], unpacked: [] });
});

test('a pack that is packed anew keeps the cluster of a target that has gone', () => {
  const plan = ids(40).map((id) => outcomeOf(id));
  const [tables] = save(empty, mapOf(plan));
  const after = plan.map((outcome, at) => (at < 38 ? { ...outcome, wave: 3 } : outcome));
  const writes = outcomeWrites(storedIn(tables), changed(readIn(tables), mapOf(after)), new Map());
  expect(writes.packed[0]?.clusters).toEqual(ids(38).map((id) => `c-${id}`));
  expect(writes.inserted.map(({ clusterId }) => clusterId)).toEqual(['c-t0038', 'c-t0039']);
});

/** Of few kinds, as in life: what one step does to many it does alike. */
const kind = fc.record({
  outcome: fc.constantFrom('Pending' as const, 'Assigned' as const, 'Soaking' as const, 'Failed' as const),
  reason: fc.constantFrom('' as const, 'render' as const),
  wave: fc.nat(1),
  assignedAtMs: fc.constantFrom(null, 1000),
  regressedAtMs: fc.constantFrom(null, null, null, 4),
});
const step = fc.record({
  kinds: fc.array(kind, { minLength: 1, maxLength: 3 }),
  share: fc.constantFrom(0.01, 0.1, 0.5, 1),
  joins: fc.nat(40),
  seed: fc.nat(),
});

test('whatever happens step by step, what is stored reads as what was decided', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 * packMin }),
      fc.array(step, { maxLength: 6 }),
      (count, steps) => {
        let after = mapOf(ids(count).map((id) => outcomeOf(id)));
        let [tables] = save(empty, after);
        for (const { kinds, share, joins, seed } of steps) {
          const before = readIn(tables);
          const moved = [...before.values()].map((outcome, at) => {
            const random = ((seed + at) * 7919) % 1000;
            if (random / 1000 >= share) return outcome;
            return { ...outcome, ...kinds[random % kinds.length]!, assignment: random % 2 === 0 ? at : null };
          });
          const joined = ids(before.size + joins).slice(before.size);
          after = mapOf([...moved, ...joined.map((id) => outcomeOf(id, { wave: 1 }))]);
          [tables] = save(tables, after);
          expect(readIn(tables)).toEqual(after);
        }
      },
    ),
  );
});

test('outcomes are alike only where all that is stored of them is', () => {
  const base = outcomeOf('t0000');
  const others = Object.keys(outcomeDetail({ ...base, ...everything })).map((key) => ({
    ...base,
    [key]: everything[key as keyof typeof everything],
  }));
  for (const other of others) {
    const writes = outcomeWrites(
      { packs: [], own: new Map() },
      changed(
        new Map(),
        mapOf(ids(2 * packMin).map((id, at) => ({ ...(at % 2 ? base : other), target: id }))),
      ),
      clusters,
    );
    expect(writes.packed, JSON.stringify(other)).toHaveLength(2);
  }
});

const everything = {
  revision: 2,
  message: 'm',
  assignedAtMs: 1,
  echoedAtMs: 2,
  soakedMs: 3,
  healthyFromMs: 4,
  finishedAtMs: 5,
  regressedAtMs: 6,
  givenBefore: 7,
};

test('nothing is written where nothing changed', () => {
  const plan = mapOf(ids(100).map((id) => outcomeOf(id)));
  const [tables] = save(empty, plan);
  const before = readIn(tables);
  expect(outcomeWrites(storedIn(tables), changed(before, before), clusters)).toEqual({
    inserted: [],
    updated: [],
    packed: [],
    unpacked: [],
  });
});
