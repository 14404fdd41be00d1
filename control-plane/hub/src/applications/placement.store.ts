/** Rows of placement. */
import type { Leaving } from '@flotilla/domain/placement/leaving';
import type { PlaceableCluster } from '@flotilla/domain/placement/placed';

import type { Sql } from '../platform/transaction.ts';

export function readClusters(tx: Sql, projectId: string): Promise<PlaceableCluster[]> {
  return tx.sql<PlaceableCluster>(
    'SELECT id, name, labels, state FROM clusters WHERE project_id = $1::uuid',
    [projectId],
  );
}

export interface PlacedTargetRow {
  id: string;
  clusterId: string;
  state: string;
  leavingSince: Date | null;
  leavingUntil: Date | null;
  leavingHeld: boolean;
}

export function readPlacedTargets(tx: Sql, applicationId: string): Promise<PlacedTargetRow[]> {
  return tx.sql<PlacedTargetRow>(
    `SELECT id, cluster_id AS "clusterId", state, leaving_since AS "leavingSince", leaving_until AS "leavingUntil",
       leaving_held AS "leavingHeld"
     FROM targets WHERE application_id = $1::uuid ORDER BY id`,
    [applicationId],
  );
}

export async function insertTargets(
  tx: Sql,
  applicationId: string,
  clusterIds: readonly string[],
): Promise<void> {
  if (clusterIds.length === 0) return;
  await tx.sql(
    `INSERT INTO targets (application_id, cluster_id, state)
     SELECT $1::uuid, id, 'Unassigned' FROM unnest($2::uuid[]) AS c(id) ORDER BY id
     ON CONFLICT (application_id, cluster_id) DO NOTHING`,
    [applicationId, clusterIds],
  );
}

/** It keeps its uid and its counter; its entry stays Removing until a greater assignment makes it Active. */
export async function takeBack(tx: Sql, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await tx.sql(
    `UPDATE targets SET state = 'Unassigned', removal = NULL, leaving_since = NULL, leaving_until = NULL, leaving_held = false
     WHERE id = ANY($1::uuid[])`,
    [ids],
  );
}

export async function saveLeaving(tx: Sql, changed: ReadonlyMap<string, Leaving | null>): Promise<void> {
  if (changed.size === 0) return;
  const rows = [...changed].map(([id, leaving]) => ({ id, ...leaving, held: leaving?.held ?? false }));
  await tx.sql(
    `UPDATE targets t SET leaving_since = to_timestamp(x."sinceMs" / 1000), leaving_until = to_timestamp(x."untilMs" / 1000),
       leaving_held = x.held
     FROM jsonb_to_recordset($1::jsonb) AS x(id uuid, "sinceMs" float8, "untilMs" float8, held boolean) WHERE t.id = x.id`,
    [JSON.stringify(rows)],
  );
}
