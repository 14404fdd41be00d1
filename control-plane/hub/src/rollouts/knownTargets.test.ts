import { expect, test } from 'vitest';

import { afterSave, KnownFleets } from './knownTargets.ts';
import type { KnownTargets, SeenTargetRow } from './seenTargets.store.ts';
import type { EntryToSave } from './targets.store.ts';

function knownOf(...rows: Partial<SeenTargetRow>[]): KnownTargets {
  const whole = rows.map((row, at) => ({ id: `t${at}`, ...row }) as SeenTargetRow);
  return { key: 'k', horizon: '1', ownXid: null, rows: new Map(whole.map((row) => [row.id, row])) };
}

function entryOf(target: string, bundle: string): EntryToSave {
  const assigned = { revisionId: 'r', revision: 2, variant: 'v', bundle };
  return { target, assignment: 7, assigned } as EntryToSave;
}

test.each([
  ['holds what was assigned before', { bundle: 'a', reported: true, otherBundle: null }, 'b', 'a'],
  ['holds by now what is assigned', { bundle: 'a', reported: true, otherBundle: 'b' }, 'b', null],
  ['holds another one still', { bundle: 'a', reported: true, otherBundle: 'c' }, 'b', 'c'],
  ['holds none yet', { bundle: 'a', reported: true, otherBundle: '' }, 'b', ''],
  ['said nothing yet', { bundle: null, reported: false, otherBundle: null }, 'b', null],
  ['is assigned the same again', { bundle: 'a', reported: true, otherBundle: null }, 'a', null],
])('after an assignment, of a target that %s', (_, before, assigned, otherBundle) => {
  const known = knownOf(before);
  const after = afterSave(known, { xid: '9', targets: [], entries: [entryOf('t0', assigned)] });
  expect(after).toMatchObject({ key: 'k', horizon: '1', ownXid: '9' });
  expect(after.rows.get('t0')).toMatchObject({
    bundle: assigned,
    assignment: 7,
    revisionNumber: 2,
    otherBundle,
  });
  expect(known.rows.get('t0')).toEqual({ id: 't0', ...before });
});

test('few targets are not kept, and of many those of the application that was looked at longest ago go', () => {
  const fleets = new KnownFleets();
  fleets.keep('small', knownOf({}, {}));
  expect(fleets.take('small')).toBeNull();
  const large = knownOf(...Array.from({ length: 20_000 }, () => ({})));
  for (const id of ['one', 'two', 'three']) fleets.keep(id, large);
  expect(fleets.take('one')).toBeNull();
  expect(fleets.take('two')).toBe(large);
  expect(fleets.take('two'), 'it was given back by nobody').toBeNull();
  expect(fleets.take('three')).toBe(large);
});
