-- A wave of a large fleet rewrites a row of each of these for every cluster. Room in the page keeps the new version beside
-- the old one and out of the indexes; what is written already moves there with its next update.
ALTER TABLE "clusters" SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE "targets" SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE "rollout_targets" SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

-- The set of a cluster is read whole: an index that holds its generations only keeps every update from staying in its page.
CREATE INDEX "targets_cluster_id_idx" ON "targets"("cluster_id");
DROP INDEX "targets_cluster_id_generation_idx";

-- Outcomes are read and deleted by their rollout. A check of the rollout for each of ten thousand took as long as writing
-- them; who deletes rollouts deletes their outcomes first.
DROP INDEX "rollout_targets_target_id_idx";
ALTER TABLE "rollout_targets" DROP CONSTRAINT "rollout_targets_rollout_id_fkey";

-- An event says once what is the same for many targets.
ALTER TABLE "rollout_events" ADD COLUMN "targets" UUID[] NOT NULL DEFAULT '{}',
  ADD COLUMN "assignments" BIGINT[] NOT NULL DEFAULT '{}';

-- The summary of the fleet, without adding up every application.
CREATE TABLE "fleet_counters" (
    "key" TEXT NOT NULL,
    "targets" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "fleet_counters_pkey" PRIMARY KEY ("key")
);
INSERT INTO "fleet_counters" ("key", "targets") SELECT "key", count(*) FROM "target_counts" GROUP BY "key";
