-- Outcomes that stand alike are one row for all of them: a wave that waits or was just assigned is written as a few packs.
CREATE TABLE "rollout_packs" (
    "id" UUID NOT NULL DEFAULT uuidv7(),
    "rollout_id" UUID NOT NULL,
    "wave" INTEGER NOT NULL,
    "outcome" TEXT NOT NULL,
    "reason" TEXT,
    "state" JSONB NOT NULL DEFAULT '{}',
    "targets" UUID[],
    "clusters" UUID[],
    "assignments" BIGINT[],
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "rollout_packs_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "rollout_packs_rollout_id_idx" ON "rollout_packs"("rollout_id");
ALTER TABLE "rollout_packs" ADD CONSTRAINT "rollout_packs_rollout_id_fkey" FOREIGN KEY ("rollout_id") REFERENCES "rollouts"("id") ON DELETE CASCADE ON UPDATE CASCADE;
-- Ids do not compress.
ALTER TABLE "rollout_packs" ALTER COLUMN "targets" SET STORAGE EXTERNAL, ALTER COLUMN "clusters" SET STORAGE EXTERNAL;

-- Every outcome, wherever it is stored. A row counts before the pack that still names its target.
CREATE VIEW "rollout_outcomes" AS
  SELECT "rollout_id", "target_id", "cluster_id", "wave", "outcome", "reason", "assignment", "state" FROM "rollout_targets"
  UNION ALL
  SELECT p."rollout_id", m."target_id", m."cluster_id", p."wave", p."outcome", p."reason", m."assignment", p."state"
  FROM "rollout_packs" p, unnest(p."targets", p."clusters", p."assignments") AS m("target_id", "cluster_id", "assignment")
  WHERE NOT EXISTS (
    SELECT 1 FROM "rollout_targets" r WHERE r."rollout_id" = p."rollout_id" AND r."target_id" = m."target_id");
