/** Writes what a step changed, and nothing else; outcomes are `outcomes.store.ts`, targets and their entries `targets.store.ts`. The caller holds the application's lock. */
import type { SharedEvent } from '@flotilla/domain/rollout/alike';
import type { Rollout } from '@flotilla/domain/rollout/state';
import { pgArray } from '../platform/pgArray.ts';
import type { Sql } from '../platform/transaction.ts';
import type { EncodedBody } from './entry.ts';
import type { ApplicationRow, RevisionRow } from './fleet.store.ts';
import { rolloutColumns, type StoredApplicationState } from './fleetRows.ts';

/** Another worker was faster: the whole tick is done again on what it left. */
export class RolloutVersionMoved extends Error {
  override readonly name = 'RolloutVersionMoved';
  readonly applicationId: string;
  constructor(applicationId: string) {
    super('the rollout version moved');
    this.applicationId = applicationId;
  }
}

/**
 * Compares and swaps the version, so that no step is built on what another one has changed. Gives the transaction's number.
 * @throws RolloutVersionMoved
 */
export async function saveApplication(
  tx: Sql,
  application: ApplicationRow,
  state: StoredApplicationState,
): Promise<string> {
  const [row] = await tx.sql<{ xid: string }>(
    `UPDATE applications SET rollout_version = rollout_version + 1, rollout_state = $3::jsonb,
       sync_request = CASE WHEN sync_request->>'id' = $4 THEN NULL ELSE sync_request END
     WHERE id = $1::uuid AND rollout_version = $2::bigint RETURNING pg_current_xact_id()::xid::text AS xid`,
    [application.id, application.rolloutVersion, JSON.stringify(state), application.syncRequest?.id ?? null],
  );
  if (row === undefined) throw new RolloutVersionMoved(application.id);
  return row.xid;
}

export async function saveRollouts(
  tx: Sql,
  application: ApplicationRow,
  stage: string,
  revisions: ReadonlyMap<number, RevisionRow>,
  rollouts: readonly Rollout[],
): Promise<void> {
  // One statement each and in order: what closes makes room for what opens.
  for (const rollout of rollouts) {
    const revisionId = revisions.get(rollout.revision)?.id ?? null;
    await saveRollout(tx, { applicationId: application.id, stage, revisionId }, rollout);
  }
}

async function saveRollout(
  tx: Sql,
  { applicationId, stage, revisionId }: { applicationId: string; stage: string; revisionId: string | null },
  rollout: Rollout,
): Promise<void> {
  const row = rolloutColumns(rollout);
  if (revisionId === null) throw new Error(`revision ${row.revisionNumber} has no row`);
  await tx.sql(
    `INSERT INTO rollouts (id, application_id, revision_id, revision_number, kind, of_id, phase, phase_reason, strategy, state,
       created_by, created_at, started_at, closed_at, stage)
     VALUES ($1::uuid, $2::uuid, $3::uuid, $4, $5, $6::uuid, $7, $8, $9::jsonb, $10::jsonb, $11,
       to_timestamp($12::float8 / 1000), to_timestamp($13::float8 / 1000), to_timestamp($14::float8 / 1000), $15)
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
      stage,
    ],
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

/** Those of the lane belong to no rollout: the audit event has them. Who they concern is one array, of which each takes its part. */
export async function saveEvents(tx: Sql, events: readonly SharedEvent[]): Promise<void> {
  const own = events.filter(({ rollout }) => rollout !== '');
  if (own.length === 0) return;
  await tx.sql(
    `INSERT INTO rollout_events (rollout_id, at, kind, message, detail, targets, assignments)
     SELECT rollout, clock_timestamp(), kind, message, detail, ($2::uuid[])[first:last], ($3::int8[])[first:last]
     FROM ROWS FROM (jsonb_to_recordset($1::jsonb)
       AS (rollout uuid, kind text, message text, detail jsonb, first int, last int)) WITH ORDINALITY
     ORDER BY ordinality`,
    [
      JSON.stringify(eventRows(own)),
      pgArray(
        'uuid',
        own.flatMap(({ targets }) => targets),
      ),
      pgArray(
        'int8',
        own.flatMap(({ assignments }) => assignments),
      ),
    ],
  );
}

/** Postgres counts from 1; of nobody is from one to the one before. */
function eventRows(events: readonly SharedEvent[]): object[] {
  let last = 0;
  return events.map(({ rollout, kind, message, detail, targets }) => {
    const first = last + 1;
    last += targets.length;
    return { rollout, kind, message, detail, first, last };
  });
}

export async function saveBody(
  tx: Sql,
  applicationId: string,
  { digest, bytes }: EncodedBody,
): Promise<void> {
  await tx.sql(
    'INSERT INTO bodies (digest, application_id, data) VALUES ($1, $2::uuid, $3) ON CONFLICT (digest) DO NOTHING',
    [digest, applicationId, Buffer.from(bytes)],
  );
}

export async function readBodies(tx: Sql, digests: readonly string[]): Promise<Map<string, Buffer>> {
  const rows = await tx.sql<{ digest: string; data: Buffer }>(
    'SELECT digest, data FROM bodies WHERE digest = ANY($1::text[])',
    [digests],
  );
  return new Map(rows.map(({ digest, data }) => [digest, data]));
}

/** The application and everything of its own; what was recorded of it stays. */
export async function deleteApplication(tx: Sql, id: string): Promise<void> {
  await tx.sql(
    'DELETE FROM rollout_targets WHERE rollout_id IN (SELECT id FROM rollouts WHERE application_id = $1::uuid)',
    [id],
  );
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
