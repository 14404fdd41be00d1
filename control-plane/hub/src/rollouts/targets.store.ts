/**
 * Writes of targets: what rollouts remember of them, and their entries. A target that a wave reaches changes in both, and
 * is written once. The caller holds the application's lock, which every writer of its targets takes first.
 */
import { lastHealthy } from '@flotilla/domain/rollout/entitled';
import type { TargetState } from '@flotilla/domain/rollout/state';

import type { ElementType } from '../platform/pgArray.ts';
import { PgRows, type NamedColumn } from '../platform/pgRows.ts';
import type { Sql } from '../platform/transaction.ts';
import { targetDetail } from './fleetRows.ts';

/** Entries as they will be sent. */
export interface EntryToSave {
  target: string;
  clusterId: string;
  state: 'Active' | 'Removing';
  removal: string | null;
  assignment: number;
  head: Uint8Array;
  headDigest: string;
  bodyDigest: string;
  /** Null: what is assigned stays. */
  assigned: { revisionId: string; revision: number; variant: string; bundle: string } | null;
}

export interface TargetsToSave {
  targets: readonly TargetState[];
  rejected: readonly number[];
  entries: readonly EntryToSave[];
}

/** Everything that is written but each cluster's new generation. */
export interface PreparedTargets {
  entries: readonly Prepared<EntryToSave>[];
  states: Prepared<TargetState> | null;
}

export function prepareTargets({ targets, entries, rejected }: TargetsToSave): PreparedTargets {
  const stored = new Map(targets.map((target) => [target.id, target]));
  const { true: both = [], false: only = [] } = Object.groupBy(entries, ({ target }) =>
    stored.has(target) ? 'true' : 'false',
  );
  const entered = new Set(both.map(({ target }) => target));
  const states = rolloutColumns(rejected);
  const statesOfEntries = states.map((column) => ({
    ...column,
    of: ({ target }: EntryToSave) => column.of(stored.get(target)!),
  }));
  const rest = targets.filter(({ id }) => !entered.has(id));
  return {
    entries: [
      ...prepare(both, ({ target }) => target, [...statesOfEntries, ...entryColumns]),
      ...prepare(only, ({ target }) => target, entryColumns),
    ],
    states: prepare(rest, ({ id }) => id, states)[0] ?? null,
  };
}

export async function saveTargets(
  tx: Sql,
  { entries, states }: PreparedTargets,
  generations: ReadonlyMap<string, bigint>,
): Promise<void> {
  const generation: Column<EntryToSave> = {
    name: 'generation',
    type: 'int8',
    of: ({ clusterId }) => generations.get(clusterId) ?? 0n,
  };
  for (const { rows, sets } of entries)
    await update(tx, rows.add([generation]), [...sets, setOf(generation)]);
  if (states !== null) await update(tx, states.rows, states.sets);
}

interface Prepared<Row> {
  rows: PgRows<Row>;
  sets: readonly string[];
}

/** One where there are rows. */
function prepare<Row>(
  rows: readonly Row[],
  idOf: (row: Row) => string,
  columns: readonly Column<Row>[],
): Prepared<Row>[] {
  if (rows.length === 0) return [];
  const key = { name: 'id', type: 'uuid', of: idOf } as const;
  return [{ rows: new PgRows(rows, key).add(columns), sets: columns.map(setOf) }];
}

function setOf<Row>({ name, set = `x.${name}` }: Column<Row>): string {
  return `${name} = ${set}`;
}

/** A fleet is one statement. */
async function update<Row>(tx: Sql, { sql, params }: PgRows<Row>, sets: readonly string[]): Promise<void> {
  await tx.sql(`UPDATE targets t SET ${sets.join(', ')} FROM ${sql} x WHERE t.id = x.id`, params);
}

interface Column<Row> extends NamedColumn<Row> {
  /** SQL on aliases `t` and `x`; the row's value where left out. */
  set?: string;
}

function rolloutColumns(rejected: readonly number[]): Column<TargetState>[] {
  return [
    { name: 'stage', type: 'text', of: ({ stage }) => stage },
    { name: 'entitled_revision', type: 'int4', of: ({ entitled }) => entitled },
    { name: 'pinned_revision', type: 'int4', of: ({ pin }) => pin?.revision ?? null },
    { name: 'pin_reason', type: 'text', of: ({ pin }) => pin?.reason ?? null },
    {
      name: 'pin_expires_at',
      type: 'timestamptz',
      of: ({ pin }) => pin?.expiresAtMs ?? null,
    },
    { name: 'last_healthy_revision', type: 'int4', of: (target) => lastHealthy(target, rejected) },
    { name: 'rollout_state', type: 'jsonb', of: (target) => JSON.stringify(targetDetail(target)) },
  ];
}

function assignedColumn(
  name: string,
  type: ElementType,
  of: (assigned: NonNullable<EntryToSave['assigned']>) => string | number,
): Column<EntryToSave>[] {
  const ofEntry = ({ assigned }: EntryToSave) => (assigned === null ? null : of(assigned));
  return [{ name, type, of: ofEntry, set: `coalesce(x.${name}, t.${name})` }];
}

const entryColumns: readonly Column<EntryToSave>[] = [
  { name: 'state', type: 'text', of: ({ state }) => state },
  { name: 'removal', type: 'text', of: ({ removal }) => removal },
  {
    name: 'assignment',
    type: 'int8',
    of: ({ assignment }) => assignment,
    set: `x.assignment, assigned_at = CASE WHEN x.assignment > t.assignment THEN clock_timestamp() ELSE t.assigned_at END`,
  },
  { name: 'head', type: 'bytea', of: ({ head }) => head },
  { name: 'head_digest', type: 'text', of: ({ headDigest }) => headDigest },
  { name: 'body_digest', type: 'text', of: ({ bodyDigest }) => bodyDigest },
  ...assignedColumn('revision_id', 'uuid', ({ revisionId }) => revisionId),
  ...assignedColumn('revision_number', 'int4', ({ revision }) => revision),
  ...assignedColumn('variant_id', 'uuid', ({ variant }) => variant),
  ...assignedColumn('bundle', 'text', ({ bundle }) => bundle),
];

export async function deleteTargets(tx: Sql, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await tx.sql('DELETE FROM targets WHERE id = ANY($1::uuid[])', [ids]);
}

/** A target that came back while it was being removed, and whose removal was then confirmed: it holds nothing. */
export async function clearHeads(tx: Sql, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await tx.sql(
    `UPDATE targets SET head = NULL, head_digest = NULL, body_digest = NULL, removal = NULL WHERE id = ANY($1::uuid[])`,
    [ids],
  );
}
