import { encodeHead } from '@flotilla/domain/desired/encode';
import type { Head } from '@flotilla/domain/desired/entry';
import { parseHead } from '@flotilla/domain/desired/parse';
import { expect, test } from 'vitest';

import type { SeenTargetRow } from './seenTargets.store.ts';
import { removalsOf } from './removal.ts';

const id = '00000000-0000-4000-8000-000000000001';

function targetOf(change: Partial<SeenTargetRow> = {}, head: Partial<Head> = {}): SeenTargetRow {
  const bytes = encodeHead({
    target: id,
    state: 'Active',
    assignment: 3,
    revision: 2,
    bundle: { digest: 'b'.repeat(64), sizeBytes: 1 },
    deletesMax: 7,
    operation: { force: true },
    body: 'c'.repeat(64),
    ...head,
  });
  return {
    id,
    clusterId: 'cluster',
    state: 'Active',
    removal: null,
    assignment: 3,
    head: Buffer.from(bytes),
    clusterState: 'Active',
    observedAssignment: 3,
    isRemoved: false,
    ...change,
  } as SeenTargetRow;
}

const due = new Map([[id, 'delete' as const]]);

test('what is due stays in the set, as Removing, with a greater assignment and the same bundle and body', () => {
  const { entries, gone } = removalsOf([targetOf()], due);
  expect(gone).toEqual([]);
  expect(entries).toMatchObject([
    { target: id, state: 'Removing', removal: 'delete', assignment: 4, assigned: null },
  ]);
  expect(parseHead(entries[0]!.head)).toMatchObject({
    ok: true,
    value: {
      state: 'Removing',
      removal: 'delete',
      assignment: 4,
      bundle: { digest: 'b'.repeat(64) },
      body: 'c'.repeat(64),
      operation: {},
    },
  });
});

test('what a person confirmed and was still to be sent goes with the removal', () => {
  const asked = { [id]: { force: true, initiatedBy: 'ada' } };
  const { entries } = removalsOf([targetOf()], due, asked);
  expect(parseHead(entries[0]!.head)).toMatchObject({
    value: { operation: { force: true, initiatedBy: 'ada' } },
  });
});

test('what is Removing already is written once, and again where the way changes', () => {
  const removing = targetOf(
    { state: 'Removing', removal: 'delete', assignment: 4 },
    { state: 'Removing', removal: 'delete', assignment: 4 },
  );
  expect(removalsOf([removing], due)).toEqual({ entries: [], gone: [], cleared: [] });
  expect(removalsOf([removing], new Map([[id, 'orphan' as const]])).entries).toMatchObject([
    { removal: 'orphan', assignment: 5 },
  ]);
});

test('a row goes when its agent says Removed of that very assignment', () => {
  const head: Partial<Head> = { state: 'Removing', removal: 'delete', assignment: 4 };
  const said = { state: 'Removing', removal: 'delete', assignment: 4, isRemoved: true } as const;
  expect(removalsOf([targetOf({ ...said, observedAssignment: 4 }, head)], new Map()).gone).toHaveLength(1);
  expect(removalsOf([targetOf({ ...said, observedAssignment: 3 }, head)], new Map()).gone).toHaveLength(0);
  expect(removalsOf([targetOf({ isRemoved: true })], new Map()).gone).toHaveLength(0);
});

test('one that came back while it was removed keeps its row when the removal is confirmed', () => {
  const back = targetOf(
    { state: 'Unassigned', assignment: 4, isRemoved: true, observedAssignment: 4 },
    { state: 'Removing', removal: 'delete', assignment: 4 },
  );
  expect(removalsOf([back], new Map())).toMatchObject({ entries: [], gone: [], cleared: [{ id }] });
});

test('what was never assigned, or is on a revoked cluster, goes at once; a paused or quarantined cluster is sent nothing', () => {
  expect(removalsOf([targetOf({ state: 'Unassigned', head: null })], due).gone).toHaveLength(1);
  expect(removalsOf([targetOf({ clusterState: 'Revoked' })], due).gone).toHaveLength(1);
  expect(removalsOf([targetOf({ clusterState: 'Revoked' })], new Map()).gone).toHaveLength(0);
  for (const clusterState of ['Paused', 'Quarantined'] as const) {
    expect(removalsOf([targetOf({ clusterState })], due)).toEqual({ entries: [], gone: [], cleared: [] });
  }
});
