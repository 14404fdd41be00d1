/** Sets or clears one condition of an application, where people look. Several capabilities speak there, each by types of its own. */
import type { Sql } from './transaction.ts';

/**
 * `SourceError`, `RenderError`: what stands in the way of a revision. `VariantError`: the newest one does not render for some clusters.
 * `SourceRewritten`: its branch was force-pushed. `LeavingHeld`, `DropHeld`, `InventoryRebuilt`: a question that waits for a person.
 * `StageUnmatched`: clusters are in the last stage because no stage picks them.
 */
export type ApplicationConditionType =
  | 'SourceError'
  | 'SourceRewritten'
  | 'RenderError'
  | 'VariantError'
  | 'LeavingHeld'
  | 'DropHeld'
  | 'InventoryRebuilt'
  | 'StageUnmatched';

/** True when it changed. The caller holds the application's lock. */
export async function setCondition(
  tx: Sql,
  applicationId: string,
  type: ApplicationConditionType,
  message: string | null,
): Promise<boolean> {
  const rows = await tx.sql(
    `WITH wanted AS (
       SELECT a.id, (SELECT coalesce(jsonb_agg(c ORDER BY n), '[]')
           FROM jsonb_array_elements(a.conditions) WITH ORDINALITY AS e(c, n) WHERE c->>'type' <> $2)
         || CASE WHEN $3::text IS NULL THEN '[]'::jsonb
            ELSE jsonb_build_array(jsonb_build_object('type', $2::text, 'message', $3::text)) END AS after
       FROM applications a WHERE a.id = $1::uuid)
     UPDATE applications a SET conditions = wanted.after FROM wanted
     WHERE a.id = wanted.id AND a.conditions IS DISTINCT FROM wanted.after RETURNING a.id`,
    [applicationId, type, message],
  );
  return rows.length > 0;
}
