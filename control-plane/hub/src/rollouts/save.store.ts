/** Writes what a step changed, and nothing else. The caller holds the application's lock. */
import type { Changes } from '@flotilla/domain/rollout/changes';
import type { FleetState } from '@flotilla/domain/rollout/state';
import type { RolloutEvent } from '@flotilla/domain/rollout/step';
import type { Sql } from '../platform/transaction.ts';
import type { ApplicationRow, RevisionRow } from './fleet.store.ts';
import { outcomeColumns, rolloutColumns, targetColumns, type StoredApplicationState } from './fleetRows.ts';

/** Another worker was faster: the whole tick is done again on what it left. */
export class RolloutVersionMoved extends Error {
  override readonly name = 'RolloutVersionMoved';
  readonly applicationId: string;
  constructor(applicationId: string) {
    super('the rollout version moved');
    this.applicationId = applicationId;
  }
}

/** Compares and swaps the version, so that no step is built on what another one has changed. @throws RolloutVersionMoved */
export async function saveApplication(
  tx: Sql,
  application: ApplicationRow,
  state: StoredApplicationState,
): Promise<void> {
  const rows = await tx.sql(
    `UPDATE applications SET rollout_version = rollout_version + 1, rollout_state = $3::jsonb,
       sync_request = CASE WHEN sync_request->>'id' = $4 THEN NULL ELSE sync_request END
     WHERE id = $1::uuid AND rollout_version = $2::bigint RETURNING id`,
    [application.id, application.rolloutVersion, JSON.stringify(state), application.syncRequest?.id ?? null],
  );
  if (rows.length === 0) throw new RolloutVersionMoved(application.id);
}

export async function saveChanges(
  tx: Sql,
  application: ApplicationRow,
  changes: Changes,
  after: FleetState,
  revisions: ReadonlyMap<number, RevisionRow>,
): Promise<void> {
  // One statement each and in order: what closes makes room for what opens.
  for (const rollout of changes.rollouts) {
    await saveRollout(
      tx,
      application.id,
      rolloutColumns(rollout),
      revisions.get(rollout.revision)?.id ?? null,
    );
  }
  await saveOutcomes(tx, changes);
  await saveTargets(tx, changes, after);
}

async function saveRollout(
  tx: Sql,
  applicationId: string,
  row: ReturnType<typeof rolloutColumns>,
  revisionId: string | null,
): Promise<void> {
  if (revisionId === null) throw new Error(`revision ${row.revisionNumber} has no row`);
  await tx.sql(
    `INSERT INTO rollouts (id, application_id, revision_id, revision_number, kind, of_id, phase, phase_reason, strategy, state,
       created_by, created_at, started_at, closed_at)
     VALUES ($1::uuid, $2::uuid, $3::uuid, $4, $5, $6::uuid, $7, $8, $9::jsonb, $10::jsonb, $11,
       to_timestamp($12::float8 / 1000), to_timestamp($13::float8 / 1000), to_timestamp($14::float8 / 1000))
     ON CONFLICT (id) DO UPDATE SET phase = excluded.phase, phase_reason = excluded.phase_reason, state = excluded.state,
       created_by = excluded.created_by, started_at = excluded.started_at, closed_at = excluded.closed_at`,
    [
      row.id,
      applicationId,
      revisionId,
      row.revisionNumber,
      row.kind,
      row.ofId,
      row.phase,
      row.phaseReason === '' ? null : row.phaseReason,
      JSON.stringify(row.strategy),
      JSON.stringify(row.state),
      row.createdBy,
      row.createdAtMs,
      row.startedAtMs,
      row.closedAtMs,
    ],
  );
}

async function saveOutcomes(tx: Sql, { outcomes }: Changes): Promise<void> {
  if (outcomes.length === 0) return;
  const rows = outcomes.map(({ rollout, outcome }) => outcomeColumns(rollout, outcome));
  // Of a target that is gone, only what is there already is kept up to date.
  await tx.sql(
    `INSERT INTO rollout_targets (rollout_id, target_id, cluster_id, wave, outcome, reason, assignment, state, updated_at)
     SELECT o.rollout, o.target, coalesce(t.cluster_id, r.cluster_id), o.wave, o.outcome, nullif(o.reason, ''), o.assignment,
       o.state, clock_timestamp()
     FROM jsonb_to_recordset($1::jsonb) AS o(rollout uuid, target uuid, wave int, outcome text, reason text, assignment bigint, state jsonb)
     LEFT JOIN targets t ON t.id = o.target
     LEFT JOIN rollout_targets r ON r.rollout_id = o.rollout AND r.target_id = o.target
     WHERE coalesce(t.cluster_id, r.cluster_id) IS NOT NULL
     ON CONFLICT (rollout_id, target_id) DO UPDATE SET wave = excluded.wave, outcome = excluded.outcome,
       reason = excluded.reason, assignment = excluded.assignment, state = excluded.state, updated_at = excluded.updated_at`,
    [JSON.stringify(rows)],
  );
}

async function saveTargets(tx: Sql, { targets }: Changes, after: FleetState): Promise<void> {
  if (targets.length === 0) return;
  const rows = targets.map((target) => targetColumns(target, after.rejected));
  await tx.sql(
    `UPDATE targets t SET entitled_revision = x.entitled, pinned_revision = x.pinned, pin_reason = x.reason,
       pin_expires_at = to_timestamp(x.expires / 1000), last_healthy_revision = x.healthy, rollout_state = x.state
     FROM jsonb_to_recordset($1::jsonb) AS x(id uuid, entitled int, pinned int, reason text, expires float8, healthy int, state jsonb)
     WHERE t.id = x.id`,
    [JSON.stringify(rows)],
  );
}

/** Rejected is what automation never starts again; a person may, and then it counts as Ready. */
export async function saveRejected(
  tx: Sql,
  applicationId: string,
  before: readonly number[],
  after: readonly number[],
): Promise<void> {
  const added = after.filter((number) => !before.includes(number));
  const dropped = before.filter((number) => !after.includes(number));
  for (const [state, numbers] of [['Rejected', added] as const, ['Ready', dropped] as const]) {
    if (numbers.length === 0) continue;
    await tx.sql(
      'UPDATE revisions SET state = $3 WHERE application_id = $1::uuid AND number = ANY($2::int[])',
      [applicationId, numbers, state],
    );
  }
}

/** Those of the lane belong to no rollout: the audit event has them. */
export async function saveEvents(tx: Sql, events: readonly RolloutEvent[]): Promise<void> {
  const rows = events.filter(({ rollout }) => rollout !== '');
  if (rows.length === 0) return;
  await tx.sql(
    `INSERT INTO rollout_events (rollout_id, at, kind, message, detail)
     SELECT (e->>'rollout')::uuid, clock_timestamp(), e->>'kind', e->>'message',
       (e->'detail') || CASE WHEN e->>'target' = '' THEN '{}'::jsonb ELSE jsonb_build_object('target', e->>'target') END
     FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS x(e, n) ORDER BY n`,
    [JSON.stringify(rows)],
  );
}

/** Entries as they will be sent. `generation` is the cluster's new one. */
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

export async function lockTargets(tx: Sql, ids: readonly string[]): Promise<void> {
  await tx.sql('SELECT id FROM targets WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE', [ids]);
}

export async function saveEntries(
  tx: Sql,
  entries: readonly EntryToSave[],
  generations: ReadonlyMap<string, bigint>,
): Promise<void> {
  if (entries.length === 0) return;
  const rows = entries.map(({ head: _, assigned, ...entry }) => ({
    ...entry,
    ...(assigned ?? { revisionId: null, revision: null, variant: null, bundle: null }),
    generation: String(generations.get(entry.clusterId) ?? 0n),
  }));
  await tx.sql(
    `UPDATE targets t SET state = x.state, removal = x.removal, assignment = x.assignment, head = h.head,
       head_digest = x."headDigest", body_digest = x."bodyDigest", generation = x.generation,
       assigned_at = CASE WHEN x.assignment > t.assignment THEN clock_timestamp() ELSE t.assigned_at END,
       revision_id = coalesce(x."revisionId", t.revision_id), revision_number = coalesce(x.revision, t.revision_number),
       variant_id = coalesce(x.variant, t.variant_id), bundle = coalesce(x.bundle, t.bundle)
     FROM jsonb_to_recordset($1::jsonb) AS x(target uuid, state text, removal text, assignment bigint, "headDigest" text,
         "bodyDigest" text, "revisionId" uuid, revision int, variant uuid, bundle text, generation bigint)
       JOIN unnest($2::uuid[], $3::bytea[]) AS h(target, head) ON h.target = x.target
     WHERE t.id = x.target`,
    [JSON.stringify(rows), entries.map(({ target }) => target), entries.map(({ head }) => Buffer.from(head))],
  );
}

export async function saveBody(
  tx: Sql,
  applicationId: string,
  digest: string,
  data: Uint8Array,
): Promise<void> {
  await tx.sql(
    'INSERT INTO bodies (digest, application_id, data) VALUES ($1, $2::uuid, $3) ON CONFLICT (digest) DO NOTHING',
    [digest, applicationId, Buffer.from(data)],
  );
}

export async function readBodies(tx: Sql, digests: readonly string[]): Promise<Map<string, Buffer>> {
  const rows = await tx.sql<{ digest: string; data: Buffer }>(
    'SELECT digest, data FROM bodies WHERE digest = ANY($1::text[])',
    [digests],
  );
  return new Map(rows.map(({ digest, data }) => [digest, data]));
}

export async function deleteTargets(tx: Sql, ids: readonly string[]): Promise<void> {
  await tx.sql('DELETE FROM targets WHERE id = ANY($1::uuid[])', [ids]);
}

/** A target that came back while it was being removed, and whose removal was then confirmed: it holds nothing. */
export async function clearHeads(tx: Sql, ids: readonly string[]): Promise<void> {
  await tx.sql(
    `UPDATE targets SET head = NULL, head_digest = NULL, body_digest = NULL, removal = NULL WHERE id = ANY($1::uuid[])`,
    [ids],
  );
}

/** The application and everything of its own; what was recorded of it stays. */
export async function deleteApplication(tx: Sql, id: string): Promise<void> {
  await tx.sql('DELETE FROM rollouts WHERE application_id = $1::uuid', [id]);
  await tx.sql('DELETE FROM bodies WHERE application_id = $1::uuid', [id]);
  await tx.sql('DELETE FROM applications WHERE id = $1::uuid', [id]);
}

/** Targets that left until now may go; gives how many were held. */
export async function confirmLeaving(tx: Sql, applicationId: string): Promise<number> {
  const held = await tx.sql('SELECT id FROM targets WHERE application_id = $1::uuid AND leaving_held', [
    applicationId,
  ]);
  if (held.length === 0) return 0;
  await tx.sql('UPDATE applications SET leave_confirmed_at = clock_timestamp() WHERE id = $1::uuid', [
    applicationId,
  ]);
  return held.length;
}
