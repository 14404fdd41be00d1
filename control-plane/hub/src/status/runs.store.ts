/** `target_runs`: which revision was in force on a target from when to when. At most one present run a target. */
import { pgArray, pgColumns, type Column } from '../platform/pgArray.ts';
import type { Sql } from '../platform/transaction.ts';

export interface PresentRun {
  revision: number;
  bundle: string;
}

export interface NewRun {
  targetId: string;
  clusterId: string;
  clusterName: string;
  applicationId: string;
  applicationName: string;
  revision: number;
  bundle: string;
  assignment: number;
  at: Date;
  /** Null for the present run. */
  until: Date | null;
  agentAt: Date | null;
}

export async function readPresentRuns(
  tx: Sql,
  targetIds: readonly string[],
): Promise<Map<string, PresentRun>> {
  if (targetIds.length === 0) return new Map();
  const rows = await tx.sql<{ target_id: string; revision_number: number; bundle: string }>(
    `SELECT target_id, revision_number, bundle FROM target_runs WHERE to_at IS NULL AND target_id = ANY($1::uuid[])`,
    [pgArray('uuid', targetIds)],
  );
  return new Map(rows.map((row) => [row.target_id, { revision: row.revision_number, bundle: row.bundle }]));
}

export async function closePresentRuns(tx: Sql, targetIds: readonly string[], at: Date): Promise<void> {
  if (targetIds.length === 0) return;
  await tx.sql(`UPDATE target_runs SET to_at = $2 WHERE to_at IS NULL AND target_id = ANY($1::uuid[])`, [
    pgArray('uuid', targetIds),
    at,
  ]);
}

export async function insertRuns(tx: Sql, runs: readonly NewRun[]): Promise<void> {
  if (runs.length === 0) return;
  await tx.sql(
    `INSERT INTO target_runs (target_id, cluster_id, cluster_name, application_id, application_name, revision_number,
                              bundle, assignment, from_at, to_at, agent_at, commit)
     SELECT r.target_id, r.cluster_id, r.cluster_name, r.application_id, r.application_name, r.revision_number, r.bundle,
            r.assignment, r.from_at, r.to_at, r.agent_at, v.sources->0->>'commit'
       FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::int[], $7::text[], $8::bigint[],
                   $9::timestamptz[], $10::timestamptz[], $11::timestamptz[])
            AS r(target_id, cluster_id, cluster_name, application_id, application_name, revision_number, bundle,
                 assignment, from_at, to_at, agent_at)
       LEFT JOIN revisions v ON v.application_id = r.application_id AND v.number = r.revision_number`,
    pgColumns(runs, runColumns),
  );
}

const runColumns: readonly Column<NewRun>[] = [
  ['uuid', ({ targetId }) => targetId],
  ['uuid', ({ clusterId }) => clusterId],
  ['text', ({ clusterName }) => clusterName],
  ['uuid', ({ applicationId }) => applicationId],
  ['text', ({ applicationName }) => applicationName],
  ['int4', ({ revision }) => revision],
  ['text', ({ bundle }) => bundle],
  ['int8', ({ assignment }) => assignment],
  ['timestamptz', ({ at }) => at.getTime()],
  ['timestamptz', ({ until }) => until?.getTime()],
  ['timestamptz', ({ agentAt }) => agentAt?.getTime()],
];
