-- An application's stages are fleets of their own: each has one open rollout and one that waits. '' is the one stage of an application without any.
ALTER TABLE "rollouts" ADD COLUMN "stage" TEXT NOT NULL DEFAULT '';
ALTER TABLE "targets" ADD COLUMN "stage" TEXT NOT NULL DEFAULT '';

DROP INDEX "rollouts_one_open";
DROP INDEX "rollouts_one_waiting";
CREATE UNIQUE INDEX "rollouts_one_open" ON "rollouts" ("application_id", "stage") WHERE "phase" IN ('Running', 'Paused');
CREATE UNIQUE INDEX "rollouts_one_waiting" ON "rollouts" ("application_id", "stage") WHERE "phase" IN ('Queued', 'AwaitingSync');
