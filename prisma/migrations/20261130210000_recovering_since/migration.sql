-- Tells rollouts of the restored past from those that came while a cluster was still to be heard.
ALTER TABLE "clusters" ADD COLUMN "recovering_since" TIMESTAMPTZ(3);
