/** Outcomes of rollouts, as rows and as packs of those that stand alike (`packs.ts`). The caller holds the application's lock. */
import type { ChangedOutcome } from '@flotilla/domain/rollout/changes';

import { pgArray, pgColumns, type Column } from '../platform/pgArray.ts';
import { PgRows, type NamedColumn } from '../platform/pgRows.ts';
import type { Sql } from '../platform/transaction.ts';
import type { OutcomeRow } from './fleetRows.ts';
import {
  outcomeWrites,
  unpackedRows,
  type OutcomePack,
  type OutcomeToSave,
  type StoredOutcomes,
  type StoredPack,
} from './packs.ts';

export interface ReadOutcomes {
  outcomes: readonly OutcomeRow[];
  /** What a later save goes by. */
  stored: StoredOutcomes;
}

export async function readOutcomes(tx: Sql, rolloutIds: readonly string[]): Promise<ReadOutcomes> {
  const rows = await tx.sql<OutcomeRow>(
    `SELECT rollout_id AS "rolloutId", target_id AS "targetId", wave, outcome, reason, assignment::float8 AS assignment, state
     FROM rollout_targets WHERE rollout_id = ANY($1::uuid[])`,
    [rolloutIds],
  );
  const byRollout = Map.groupBy(rows, ({ rolloutId }) => rolloutId);
  const own = new Map(
    [...byRollout].map(([id, ofRollout]) => [id, new Set(ofRollout.map(({ targetId }) => targetId))]),
  );
  const stored = { packs: await readPacks(tx, rolloutIds), own };
  return { outcomes: [...rows, ...unpackedRows(stored)], stored };
}

type PackRow = Pick<StoredPack, 'id' | 'rolloutId'> &
  OutcomePack['kind'] & { targets: string; clusters: string; assignments: string };

/** Members as text: the driver reads an array character by character. */
async function readPacks(tx: Sql, rolloutIds: readonly string[]): Promise<StoredPack[]> {
  const rows = await tx.sql<PackRow>(
    `SELECT id, rollout_id AS "rolloutId", wave, outcome, reason, state::text AS state, array_to_string(targets, ',') AS targets,
       array_to_string(clusters, ',') AS clusters, array_to_string(assignments, ',', '') AS assignments
     FROM rollout_packs WHERE rollout_id = ANY($1::uuid[]) ORDER BY id`,
    [rolloutIds],
  );
  return rows.map(({ id, rolloutId, targets, clusters, assignments, wave, outcome, reason, state }) => ({
    id,
    rolloutId,
    kind: { wave, outcome, reason, state },
    targets: targets.split(','),
    clusters: clusters.split(','),
    assignments: assignments.split(',').map((text) => (text === '' ? null : Number(text))),
  }));
}

/** `targets`: as loaded, those being removed too. The lock on the application says that what was loaded is what is there. */
export async function saveOutcomes(
  tx: Sql,
  stored: StoredOutcomes,
  targets: readonly { id: string; clusterId: string }[],
  changed: readonly ChangedOutcome[],
): Promise<void> {
  if (changed.length === 0) return;
  const clusters = new Map(targets.map(({ id, clusterId }) => [id, clusterId]));
  const { inserted, updated, packed, unpacked } = outcomeWrites(stored, changed, clusters);
  await insertOutcomes(tx, inserted);
  await updateOutcomes(tx, updated);
  if (unpacked.length > 0)
    await tx.sql('DELETE FROM rollout_packs WHERE id = ANY($1)', [pgArray('uuid', unpacked)]);
  await insertPacks(tx, packed);
}

/** In the order of their index, where the rows of one rollout lie beside each other. */
async function insertOutcomes(tx: Sql, outcomes: readonly OutcomeToSave[]): Promise<void> {
  if (outcomes.length === 0) return;
  const rows = outcomes.toSorted((a, b) => (a.targetId < b.targetId ? -1 : 1));
  const cluster: OutcomeColumn = { name: 'cluster_id', type: 'uuid', of: ({ clusterId }) => clusterId };
  const { sql, params } = new PgRows(rows, outcomeKey).add(outcomeColumns).add([cluster]);
  await tx.sql(
    `INSERT INTO rollout_targets (target_id, rollout_id, wave, outcome, reason, assignment, state, cluster_id, updated_at)
     SELECT *, clock_timestamp() FROM ${sql} o`,
    params,
  );
}

async function updateOutcomes(tx: Sql, outcomes: readonly OutcomeToSave[]): Promise<void> {
  if (outcomes.length === 0) return;
  const { sql, params } = new PgRows(outcomes, outcomeKey).add(outcomeColumns);
  await tx.sql(
    `UPDATE rollout_targets r SET wave = o.wave, outcome = o.outcome, reason = o.reason, assignment = o.assignment,
       state = o.state, updated_at = clock_timestamp()
     FROM ${sql} o WHERE r.rollout_id = o.rollout_id AND r.target_id = o.target_id`,
    params,
  );
}

type OutcomeColumn = NamedColumn<OutcomeToSave>;

const outcomeKey: OutcomeColumn = { name: 'target_id', type: 'uuid', of: ({ targetId }) => targetId };

const outcomeColumns: readonly OutcomeColumn[] = [
  { name: 'rollout_id', type: 'uuid', of: ({ rolloutId }) => rolloutId },
  { name: 'wave', type: 'int4', of: ({ kind }) => kind.wave },
  { name: 'outcome', type: 'text', of: ({ kind }) => kind.outcome },
  { name: 'reason', type: 'text', of: ({ kind }) => kind.reason },
  { name: 'assignment', type: 'int8', of: ({ assignment }) => assignment },
  { name: 'state', type: 'jsonb', of: ({ kind }) => kind.state },
];

/** Members of all packs are three arrays, of which each takes its part. */
async function insertPacks(tx: Sql, packs: readonly OutcomePack[]): Promise<void> {
  if (packs.length === 0) return;
  const { targets, clusters, assignments } = membersOf(packs);
  await tx.sql(
    `INSERT INTO rollout_packs (rollout_id, wave, outcome, reason, state, targets, clusters, assignments)
     SELECT rollout_id, wave, outcome, reason, state, ($8::uuid[])[first:last], ($9::uuid[])[first:last], ($10::int8[])[first:last]
     FROM unnest($1::uuid[], $2::int4[], $3::text[], $4::text[], $5::jsonb[], $6::int4[], $7::int4[])
       AS p(rollout_id, wave, outcome, reason, state, first, last)`,
    [
      ...pgColumns(spansOf(packs), packColumns),
      pgArray('uuid', targets),
      pgArray('uuid', clusters),
      pgArray('int8', assignments),
    ],
  );
}

type Members = Pick<OutcomePack, 'targets' | 'clusters' | 'assignments'>;

function membersOf(packs: readonly OutcomePack[]): Members {
  return {
    targets: packs.flatMap(({ targets }) => targets),
    clusters: packs.flatMap(({ clusters }) => clusters),
    assignments: packs.flatMap(({ assignments }) => assignments),
  };
}

interface Span {
  pack: OutcomePack;
  /** Postgres counts from 1. */
  first: number;
  last: number;
}

function spansOf(packs: readonly OutcomePack[]): Span[] {
  let last = 0;
  return packs.map((pack) => {
    const first = last + 1;
    last += pack.targets.length;
    return { pack, first, last };
  });
}

const packColumns: readonly Column<Span>[] = [
  ['uuid', ({ pack }) => pack.rolloutId],
  ['int4', ({ pack }) => pack.kind.wave],
  ['text', ({ pack }) => pack.kind.outcome],
  ['text', ({ pack }) => pack.kind.reason],
  ['jsonb', ({ pack }) => pack.kind.state],
  ['int4', ({ first }) => first],
  ['int4', ({ last }) => last],
];
