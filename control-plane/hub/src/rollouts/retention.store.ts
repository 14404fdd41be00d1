/**
 * Deletes what nothing needs any more, in order: trees and bundles of revisions that are neither recent nor spoken of,
 * then frames and bodies that nothing names. Everything has a day of grace, and a frame that is saved again meanwhile is
 * younger than that, so that whoever is about to name it finds it.
 */
import type { Database } from '../platform/prisma.ts';

/** Newest revisions of each application whose trees and bundles are kept in any case. */
const revisionsKept = 50;
const rowsPerStatement = 2_000;

/**
 * Revisions that something needs: recent, not rendered yet, assigned, in force, entitled, healthy, pinned, being rolled out,
 * the last completed of a stage, or on the way to the next.
 */
const keptRevisions = `
  SELECT r.id FROM revisions r JOIN applications a ON a.id = r.application_id
  WHERE r.number > a.revision_number - ${revisionsKept} OR r.state = 'Candidate'
    OR jsonb_path_exists(a.rollout_state, '$.stages[*].*.revision ? (@ == $number)', jsonb_build_object('number', r.number))
    OR r.number IN (SELECT DISTINCT ON (c.stage) c.revision_number FROM rollouts c
      WHERE c.application_id = r.application_id AND c.kind = 'forward' AND c.phase = 'Completed' ORDER BY c.stage, c.closed_at DESC)
    OR EXISTS (SELECT 1 FROM targets t LEFT JOIN target_observations o ON o.target_id = t.id
      WHERE t.application_id = r.application_id AND (
        r.number IN (t.revision_number, t.entitled_revision, t.last_healthy_revision, t.pinned_revision, o.revision_number)
        OR t.rollout_state->'healthy' @> to_jsonb(r.number)
        OR t.rollout_state->'given' = to_jsonb(r.number)
        OR t.rollout_state->'lane'->'revision' = to_jsonb(r.number)))
    OR EXISTS (SELECT 1 FROM rollouts x WHERE x.application_id = r.application_id
      AND x.phase IN ('Running', 'Paused', 'Queued', 'AwaitingSync')
      AND (x.revision_number = r.number OR EXISTS (
        SELECT 1 FROM rollout_targets y WHERE y.rollout_id = x.id
          AND (y.state->'revision' = to_jsonb(r.number) OR y.state->'givenBefore' = to_jsonb(r.number)))
        OR EXISTS (SELECT 1 FROM rollout_packs k WHERE k.rollout_id = x.id
          AND (k.state->'revision' = to_jsonb(r.number) OR k.state->'givenBefore' = to_jsonb(r.number)))))`;

const statements: Record<string, string> = {
  deliveries: `DELETE FROM webhook_deliveries WHERE received_at < now() - interval '7 days'`,
  trees: `
    DELETE FROM source_trees WHERE id IN (
      SELECT t.id FROM source_trees t
      WHERE t.created_at < now() - interval '1 day'
        AND NOT EXISTS (SELECT 1 FROM repository_refs f WHERE f.repository_id = t.repository_id AND f.commit = t.commit)
        AND NOT EXISTS (SELECT 1 FROM revisions r, jsonb_array_elements(r.sources) s
          WHERE r.id IN (${keptRevisions}) AND s->>'tree' = t.id::text)
      LIMIT ${rowsPerStatement})`,
  variants: `
    UPDATE variants SET bundle = NULL, error = '{"message": "its bundle is not kept any more"}' WHERE id IN (
      SELECT v.id FROM variants v
      WHERE v.bundle IS NOT NULL AND v.created_at < now() - interval '1 day' AND v.revision_id NOT IN (${keptRevisions})
      LIMIT ${rowsPerStatement})`,
  bundles: `
    DELETE FROM bundles b WHERE (b.project_id, b.digest) IN (
      SELECT c.project_id, c.digest FROM bundles c
      WHERE c.created_at < now() - interval '1 day'
        AND NOT EXISTS (SELECT 1 FROM variants v WHERE v.project_id = c.project_id AND v.bundle = c.digest)
        AND NOT EXISTS (SELECT 1 FROM targets t WHERE t.bundle = c.digest)
        AND NOT EXISTS (SELECT 1 FROM target_observations o WHERE o.bundle = c.digest)
      LIMIT ${rowsPerStatement}) AND b.created_at < now() - interval '1 day'`,
  frames: `
    WITH used AS (
      SELECT project_id, unnest(frames) AS digest FROM bundles
      UNION SELECT r.project_id, unnest(t.frames) FROM source_trees t JOIN repositories r ON r.id = t.repository_id)
    DELETE FROM frames f
    WHERE f.created_at < now() - interval '1 day'
      AND NOT EXISTS (SELECT 1 FROM used u WHERE u.project_id = f.project_id AND u.digest = f.digest)`,
  bodies: `
    DELETE FROM bodies b WHERE b.created_at < now() - interval '1 day'
      AND NOT EXISTS (SELECT 1 FROM targets t WHERE t.body_digest = b.digest)`,
};

/** Rows that went, by what they were. */
export async function dropUnneeded(database: Database, signal: AbortSignal): Promise<Record<string, number>> {
  const dropped: Record<string, number> = {};
  for (const [what, statement] of Object.entries(statements)) {
    if (signal.aborted) return dropped;
    const { rowCount } = await database.pool.query(statement);
    dropped[what] = rowCount ?? 0;
  }
  return dropped;
}
