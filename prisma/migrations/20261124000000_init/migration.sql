-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateTable
CREATE TABLE "hub" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "singleton" BOOLEAN NOT NULL DEFAULT true,
    "trust_domain" TEXT NOT NULL,
    "recovering" BOOLEAN NOT NULL DEFAULT false,
    "recovering_reason" TEXT,
    "recovered_at" TIMESTAMPTZ(3),
    "trust_bundle_version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "hub_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "replicas" (
    "id" UUID NOT NULL,
    "roles" TEXT[],
    "address" TEXT NOT NULL,
    "version" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "heartbeat_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "replicas_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "certificate_authorities" (
    "id" UUID NOT NULL DEFAULT uuidv7(),
    "phase" TEXT NOT NULL,
    "certificate" TEXT NOT NULL,
    "cross_signed" TEXT,
    "private_key" BYTEA NOT NULL,
    "key_version" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "certificate_authorities_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "projects" (
    "id" UUID NOT NULL DEFAULT uuidv7(),
    "name" TEXT NOT NULL,
    "spec" JSONB NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "data_key" BYTEA NOT NULL,
    "data_key_version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "projects_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "api_tokens" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "secret_hash" BYTEA NOT NULL,
    "role" TEXT NOT NULL,
    "project_id" UUID,
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),
    "last_used_at" TIMESTAMPTZ(3),

    CONSTRAINT "api_tokens_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "clusters" (
    "id" UUID NOT NULL DEFAULT uuidv7(),
    "name" TEXT NOT NULL,
    "project_id" UUID NOT NULL,
    "labels" JSONB NOT NULL DEFAULT '{}',
    "facts" JSONB NOT NULL DEFAULT '{}',
    "state" TEXT NOT NULL,
    "state_reason" TEXT,
    "paused_until" TIMESTAMPTZ(3),
    "version" INTEGER NOT NULL DEFAULT 1,
    "kube_system_uid" TEXT,
    "lease_uid" TEXT,
    "lease_transitions" BIGINT NOT NULL DEFAULT 0,
    "generation" BIGINT NOT NULL DEFAULT 0,
    "epoch" BIGINT NOT NULL DEFAULT 1,
    "accepted_epoch" BIGINT NOT NULL DEFAULT 0,
    "accepted_generation" BIGINT NOT NULL DEFAULT 0,
    "accepted_digest" TEXT,
    "accepted_at" TIMESTAMPTZ(3),
    "nack_reason" TEXT,
    "nacked_at" TIMESTAMPTZ(3),
    "recovering" BOOLEAN NOT NULL DEFAULT false,
    "recovering_reason" TEXT,
    "fence" BIGINT NOT NULL DEFAULT 0,
    "confirmed_fence" BIGINT NOT NULL DEFAULT 0,
    "connected_at" TIMESTAMPTZ(3),
    "last_seen_at" TIMESTAMPTZ(3),
    "disconnected_at" TIMESTAMPTZ(3),
    "replica_id" UUID,
    "agent_version" TEXT,
    "kubernetes_version" TEXT,
    "trust_bundle_version" INTEGER NOT NULL DEFAULT 0,
    "displacements" TIMESTAMPTZ(3)[],
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "clusters_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "cluster_keys" (
    "id" UUID NOT NULL DEFAULT uuidv7(),
    "cluster_id" UUID NOT NULL,
    "slot" TEXT NOT NULL,
    "fingerprint" TEXT NOT NULL,
    "public_key" BYTEA NOT NULL,
    "token_id" TEXT,
    "first_hello_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "cluster_keys_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "registration_tokens" (
    "id" TEXT NOT NULL,
    "secret_hash" BYTEA NOT NULL,
    "project_id" UUID NOT NULL,
    "labels" JSONB NOT NULL DEFAULT '{}',
    "cluster_name" TEXT,
    "cidrs" TEXT[],
    "max_uses" INTEGER NOT NULL DEFAULT 1,
    "uses" INTEGER NOT NULL DEFAULT 0,
    "require_approval" BOOLEAN NOT NULL DEFAULT false,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "revoked_at" TIMESTAMPTZ(3),
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "registration_tokens_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "sessions" (
    "id" TEXT NOT NULL,
    "cluster_id" UUID NOT NULL,
    "replica_id" UUID NOT NULL,
    "instance" TEXT NOT NULL,
    "incarnation" TEXT NOT NULL,
    "standby" BOOLEAN NOT NULL,
    "fence" BIGINT NOT NULL,
    "remote" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "ended_at" TIMESTAMPTZ(3),
    "end_reason" TEXT,

    CONSTRAINT "sessions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "sent_marks" (
    "cluster_id" UUID NOT NULL,
    "epoch" BIGINT NOT NULL,
    "generation" BIGINT NOT NULL,
    "digest" TEXT NOT NULL,
    "sent_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "sent_marks_pkey" PRIMARY KEY ("cluster_id","epoch","generation")
);

-- CreateTable
CREATE TABLE "holdings" (
    "cluster_id" UUID NOT NULL,
    "target_id" UUID NOT NULL,
    "head" BYTEA NOT NULL,
    "reported_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "holdings_pkey" PRIMARY KEY ("cluster_id","target_id")
);

-- CreateTable
CREATE TABLE "holding_parts" (
    "cluster_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "digest" TEXT NOT NULL,
    "data" BYTEA NOT NULL,

    CONSTRAINT "holding_parts_pkey" PRIMARY KEY ("cluster_id","kind","digest")
);

-- CreateTable
CREATE TABLE "holding_reports" (
    "cluster_id" UUID NOT NULL,
    "fence" BIGINT NOT NULL,
    "epoch" BIGINT NOT NULL,
    "generation" BIGINT NOT NULL,
    "digest" TEXT,
    "reported_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "holding_reports_pkey" PRIMARY KEY ("cluster_id")
);

-- CreateTable
CREATE TABLE "repositories" (
    "id" UUID NOT NULL DEFAULT uuidv7(),
    "project_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "url" TEXT NOT NULL,
    "credential" BYTEA,
    "webhook_secret" BYTEA,
    "key_version" INTEGER NOT NULL DEFAULT 1,
    "poll_interval_ms" INTEGER NOT NULL DEFAULT 60000,
    "version" INTEGER NOT NULL DEFAULT 1,
    "requested_seq" BIGINT NOT NULL DEFAULT 0,
    "polled_seq" BIGINT NOT NULL DEFAULT 0,
    "polled_at" TIMESTAMPTZ(3),
    "error" TEXT,
    "error_at" TIMESTAMPTZ(3),
    "failures" INTEGER NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "repositories_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "repository_refs" (
    "repository_id" UUID NOT NULL,
    "ref" TEXT NOT NULL,
    "commit" TEXT,
    "error" TEXT,
    "seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "rewritten_from" TEXT,
    "rewritten_at" TIMESTAMPTZ(3),

    CONSTRAINT "repository_refs_pkey" PRIMARY KEY ("repository_id","ref")
);

-- CreateTable
CREATE TABLE "webhook_deliveries" (
    "repository_id" UUID NOT NULL,
    "delivery_id" TEXT NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "webhook_deliveries_pkey" PRIMARY KEY ("repository_id","delivery_id")
);

-- CreateTable
CREATE TABLE "source_trees" (
    "id" UUID NOT NULL DEFAULT uuidv7(),
    "repository_id" UUID NOT NULL,
    "commit" TEXT NOT NULL,
    "path" TEXT NOT NULL,
    "digest" TEXT NOT NULL,
    "meta" JSONB NOT NULL,
    "frames" TEXT[],
    "size_bytes" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "source_trees_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "applications" (
    "id" UUID NOT NULL DEFAULT uuidv7(),
    "project_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "spec" JSONB NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "revision_number" INTEGER NOT NULL DEFAULT 0,
    "rollout_version" BIGINT NOT NULL DEFAULT 0,
    "rollout_state" JSONB NOT NULL DEFAULT '{}',
    "leave_confirmed_at" TIMESTAMPTZ(3),
    "requested_seq" BIGINT NOT NULL DEFAULT 0,
    "resolved_seq" BIGINT NOT NULL DEFAULT 0,
    "sync_request" JSONB,
    "conditions" JSONB NOT NULL DEFAULT '[]',
    "removal" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "applications_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "application_sources" (
    "application_id" UUID NOT NULL,
    "position" INTEGER NOT NULL,
    "repository_id" UUID NOT NULL,
    "ref" TEXT NOT NULL,
    "path" TEXT NOT NULL,

    CONSTRAINT "application_sources_pkey" PRIMARY KEY ("application_id","position")
);

-- CreateTable
CREATE TABLE "revisions" (
    "id" UUID NOT NULL DEFAULT uuidv7(),
    "application_id" UUID NOT NULL,
    "number" INTEGER NOT NULL,
    "key" TEXT NOT NULL,
    "sources" JSONB NOT NULL,
    "render_spec" JSONB NOT NULL,
    "meta" JSONB NOT NULL,
    "state" TEXT NOT NULL,
    "error" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "revisions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "variants" (
    "id" UUID NOT NULL DEFAULT uuidv7(),
    "revision_id" UUID NOT NULL,
    "key" TEXT NOT NULL,
    "reads" JSONB NOT NULL DEFAULT '{}',
    "project_id" UUID NOT NULL,
    "bundle" TEXT,
    "size_bytes" INTEGER NOT NULL DEFAULT 0,
    "objects" INTEGER NOT NULL DEFAULT 0,
    "error" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "variants_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "bundles" (
    "project_id" UUID NOT NULL,
    "digest" TEXT NOT NULL,
    "index" BYTEA NOT NULL,
    "key_version" INTEGER NOT NULL,
    "size_bytes" INTEGER NOT NULL,
    "objects" INTEGER NOT NULL,
    "frames" TEXT[],
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "bundles_pkey" PRIMARY KEY ("project_id","digest")
);

-- CreateTable
CREATE TABLE "frames" (
    "project_id" UUID NOT NULL,
    "digest" TEXT NOT NULL,
    "data" BYTEA NOT NULL,
    "key_version" INTEGER NOT NULL,
    "size_bytes" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "frames_pkey" PRIMARY KEY ("project_id","digest")
);

-- CreateTable
CREATE TABLE "bodies" (
    "digest" TEXT NOT NULL,
    "application_id" UUID NOT NULL,
    "data" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "bodies_pkey" PRIMARY KEY ("digest")
);

-- CreateTable
CREATE TABLE "targets" (
    "id" UUID NOT NULL DEFAULT uuidv7(),
    "application_id" UUID NOT NULL,
    "cluster_id" UUID NOT NULL,
    "state" TEXT NOT NULL,
    "removal" TEXT,
    "assignment" BIGINT NOT NULL DEFAULT 0,
    "revision_id" UUID,
    "revision_number" INTEGER,
    "variant_id" UUID,
    "bundle" TEXT,
    "head" BYTEA,
    "head_digest" TEXT,
    "body_digest" TEXT,
    "assigned_at" TIMESTAMPTZ(3),
    "generation" BIGINT NOT NULL DEFAULT 0,
    "entitled_revision" INTEGER,
    "pinned_revision" INTEGER,
    "pin_reason" TEXT,
    "pin_expires_at" TIMESTAMPTZ(3),
    "last_healthy_revision" INTEGER,
    "rollout_state" JSONB NOT NULL DEFAULT '{}',
    "leaving_since" TIMESTAMPTZ(3),
    "leaving_until" TIMESTAMPTZ(3),
    "leaving_held" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "targets_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "target_observations" (
    "target_id" UUID NOT NULL,
    "cluster_id" UUID NOT NULL,
    "application_id" UUID NOT NULL,
    "fence" BIGINT NOT NULL,
    "seq" BIGINT NOT NULL,
    "digest" TEXT NOT NULL,
    "assignment" BIGINT NOT NULL,
    "revision_number" INTEGER NOT NULL,
    "bundle" TEXT NOT NULL,
    "sync" TEXT NOT NULL,
    "health" TEXT NOT NULL,
    "health_message" TEXT NOT NULL DEFAULT '',
    "operation_phase" TEXT,
    "operation_message" TEXT NOT NULL DEFAULT '',
    "state" JSONB NOT NULL,
    "removal" TEXT NOT NULL DEFAULT 'None',
    "changed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "health_since" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "health_recorded" TEXT NOT NULL DEFAULT 'Unknown',
    "observed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "flaps" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "target_observations_pkey" PRIMARY KEY ("target_id")
);

-- CreateTable
CREATE TABLE "target_runs" (
    "id" UUID NOT NULL DEFAULT uuidv7(),
    "target_id" UUID NOT NULL,
    "cluster_id" UUID NOT NULL,
    "application_id" UUID NOT NULL,
    "application_name" TEXT NOT NULL,
    "cluster_name" TEXT NOT NULL,
    "revision_number" INTEGER NOT NULL,
    "commit" TEXT,
    "bundle" TEXT NOT NULL,
    "assignment" BIGINT NOT NULL,
    "from_at" TIMESTAMPTZ(3) NOT NULL,
    "to_at" TIMESTAMPTZ(3),
    "agent_at" TIMESTAMPTZ(3),

    CONSTRAINT "target_runs_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "target_transitions" (
    "id" UUID NOT NULL DEFAULT uuidv7(),
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "agent_at" TIMESTAMPTZ(3),
    "target_id" UUID NOT NULL,
    "cluster_id" UUID NOT NULL,
    "application_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "from" TEXT,
    "to" TEXT,
    "detail" JSONB NOT NULL DEFAULT '{}',

    CONSTRAINT "target_transitions_pkey" PRIMARY KEY ("at","id")
) PARTITION BY RANGE ("at");

-- CreateTable
CREATE TABLE "fact_rings" (
    "cluster_id" UUID NOT NULL,
    "incarnation" TEXT NOT NULL,
    "number" BIGINT NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "fact_rings_pkey" PRIMARY KEY ("cluster_id","incarnation")
);

-- CreateTable
CREATE TABLE "application_counters" (
    "application_id" UUID NOT NULL,
    "counts" JSONB NOT NULL DEFAULT '{}',
    "targets" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "application_counters_pkey" PRIMARY KEY ("application_id")
);

-- CreateTable
CREATE TABLE "target_counts" (
    "target_id" UUID NOT NULL,
    "cluster_id" UUID NOT NULL,
    "application_id" UUID NOT NULL,
    "key" TEXT NOT NULL,

    CONSTRAINT "target_counts_pkey" PRIMARY KEY ("target_id")
);

-- CreateTable
CREATE TABLE "cluster_counters" (
    "cluster_id" UUID NOT NULL,
    "counts" JSONB NOT NULL DEFAULT '{}',
    "targets" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "cluster_counters_pkey" PRIMARY KEY ("cluster_id")
);

-- CreateTable
CREATE TABLE "rollouts" (
    "id" UUID NOT NULL DEFAULT uuidv7(),
    "application_id" UUID NOT NULL,
    "revision_id" UUID NOT NULL,
    "revision_number" INTEGER NOT NULL,
    "kind" TEXT NOT NULL,
    "of_id" UUID,
    "phase" TEXT NOT NULL,
    "phase_reason" TEXT,
    "strategy" JSONB NOT NULL,
    "state" JSONB NOT NULL DEFAULT '{}',
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "started_at" TIMESTAMPTZ(3),
    "closed_at" TIMESTAMPTZ(3),

    CONSTRAINT "rollouts_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "rollout_targets" (
    "rollout_id" UUID NOT NULL,
    "target_id" UUID NOT NULL,
    "cluster_id" UUID NOT NULL,
    "wave" INTEGER NOT NULL,
    "outcome" TEXT NOT NULL,
    "reason" TEXT,
    "assignment" BIGINT,
    "state" JSONB NOT NULL DEFAULT '{}',
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "rollout_targets_pkey" PRIMARY KEY ("rollout_id","target_id")
);

-- CreateTable
CREATE TABLE "rollout_events" (
    "id" UUID NOT NULL DEFAULT uuidv7(),
    "rollout_id" UUID NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "kind" TEXT NOT NULL,
    "message" TEXT NOT NULL,
    "detail" JSONB NOT NULL DEFAULT '{}',

    CONSTRAINT "rollout_events_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "commands" (
    "id" UUID NOT NULL DEFAULT uuidv7(),
    "cluster_id" UUID NOT NULL,
    "target_id" UUID,
    "kind" TEXT NOT NULL,
    "payload" JSONB NOT NULL,
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "acked_at" TIMESTAMPTZ(3),

    CONSTRAINT "commands_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE UNLOGGED TABLE "answer_chunks" (
    "command_id" UUID NOT NULL,
    "seq" BIGINT NOT NULL,
    "data" BYTEA,
    "error" JSONB,
    "last" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "answer_chunks_pkey" PRIMARY KEY ("command_id","seq")
);

-- CreateTable
CREATE TABLE "audit_events" (
    "id" UUID NOT NULL DEFAULT uuidv7(),
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "actor_kind" TEXT NOT NULL,
    "actor_id" TEXT NOT NULL,
    "auth_method" TEXT NOT NULL,
    "ip" TEXT,
    "action" TEXT NOT NULL,
    "resource_kind" TEXT NOT NULL,
    "resource_id" TEXT NOT NULL,
    "resource_name" TEXT NOT NULL,
    "project_id" UUID,
    "changes" JSONB NOT NULL,
    "reason" JSONB NOT NULL DEFAULT '{}',
    "correlation_id" TEXT NOT NULL,
    "outcome" TEXT NOT NULL,

    CONSTRAINT "audit_events_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "audit_seals" (
    "seq" BIGINT NOT NULL,
    "event_id" UUID NOT NULL,
    "prev" TEXT NOT NULL,
    "hash" TEXT NOT NULL,
    "sealed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "audit_seals_pkey" PRIMARY KEY ("seq")
);

-- CreateTable
CREATE TABLE "audit_checkpoints" (
    "seq" BIGINT NOT NULL,
    "hash" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "signature" BYTEA NOT NULL,
    "key_id" TEXT NOT NULL,

    CONSTRAINT "audit_checkpoints_pkey" PRIMARY KEY ("seq")
);

-- CreateIndex
CREATE UNIQUE INDEX "hub_singleton_key" ON "hub"("singleton");

-- CreateIndex
CREATE UNIQUE INDEX "projects_name_key" ON "projects"("name");

-- CreateIndex
CREATE UNIQUE INDEX "clusters_name_key" ON "clusters"("name");

-- CreateIndex
CREATE INDEX "clusters_project_id_name_idx" ON "clusters"("project_id", "name");

-- CreateIndex
CREATE UNIQUE INDEX "cluster_keys_fingerprint_key" ON "cluster_keys"("fingerprint");

-- CreateIndex
CREATE UNIQUE INDEX "cluster_keys_cluster_id_slot_key" ON "cluster_keys"("cluster_id", "slot");

-- CreateIndex
CREATE INDEX "sessions_cluster_id_started_at_idx" ON "sessions"("cluster_id", "started_at");

-- CreateIndex
CREATE UNIQUE INDEX "repositories_project_id_name_key" ON "repositories"("project_id", "name");

-- CreateIndex
CREATE INDEX "webhook_deliveries_received_at_idx" ON "webhook_deliveries"("received_at");

-- CreateIndex
CREATE UNIQUE INDEX "source_trees_repository_id_commit_path_key" ON "source_trees"("repository_id", "commit", "path");

-- CreateIndex
CREATE UNIQUE INDEX "applications_project_id_name_key" ON "applications"("project_id", "name");

-- CreateIndex
CREATE INDEX "application_sources_repository_id_ref_idx" ON "application_sources"("repository_id", "ref");

-- CreateIndex
CREATE UNIQUE INDEX "revisions_application_id_number_key" ON "revisions"("application_id", "number");

-- CreateIndex
CREATE INDEX "variants_project_id_bundle_idx" ON "variants"("project_id", "bundle");

-- CreateIndex
CREATE UNIQUE INDEX "variants_revision_id_key_key" ON "variants"("revision_id", "key");

-- CreateIndex
CREATE INDEX "bodies_application_id_idx" ON "bodies"("application_id");

-- CreateIndex
CREATE INDEX "targets_cluster_id_generation_idx" ON "targets"("cluster_id", "generation");

-- CreateIndex
CREATE UNIQUE INDEX "targets_application_id_cluster_id_key" ON "targets"("application_id", "cluster_id");

-- CreateIndex
CREATE INDEX "target_observations_cluster_id_idx" ON "target_observations"("cluster_id");

-- CreateIndex
CREATE INDEX "target_runs_target_id_from_at_idx" ON "target_runs"("target_id", "from_at");

-- CreateIndex
CREATE INDEX "target_runs_cluster_id_from_at_idx" ON "target_runs"("cluster_id", "from_at");

-- CreateIndex
CREATE INDEX "target_runs_application_id_from_at_idx" ON "target_runs"("application_id", "from_at");

-- CreateIndex
CREATE INDEX "target_counts_cluster_id_idx" ON "target_counts"("cluster_id");

-- CreateIndex
CREATE INDEX "target_counts_application_id_idx" ON "target_counts"("application_id");

-- CreateIndex
CREATE INDEX "target_counts_key_target_id_idx" ON "target_counts"("key", "target_id");

-- CreateIndex
CREATE INDEX "target_transitions_target_id_at_idx" ON "target_transitions"("target_id", "at");

-- CreateIndex
CREATE INDEX "target_transitions_application_id_at_idx" ON "target_transitions"("application_id", "at");

-- CreateIndex
CREATE INDEX "rollouts_application_id_created_at_idx" ON "rollouts"("application_id", "created_at");

-- CreateIndex
CREATE INDEX "rollout_targets_target_id_idx" ON "rollout_targets"("target_id");

-- CreateIndex
CREATE INDEX "rollout_events_rollout_id_at_idx" ON "rollout_events"("rollout_id", "at");

-- CreateIndex
CREATE INDEX "commands_cluster_id_acked_at_idx" ON "commands"("cluster_id", "acked_at");

-- CreateIndex
CREATE INDEX "answer_chunks_created_at_idx" ON "answer_chunks"("created_at");

-- CreateIndex
CREATE INDEX "audit_events_at_idx" ON "audit_events"("at");

-- CreateIndex
CREATE INDEX "audit_events_resource_kind_resource_id_at_idx" ON "audit_events"("resource_kind", "resource_id", "at");

-- CreateIndex
CREATE INDEX "audit_events_actor_id_at_idx" ON "audit_events"("actor_id", "at");

-- CreateIndex
CREATE UNIQUE INDEX "audit_seals_event_id_key" ON "audit_seals"("event_id");

-- AddForeignKey
ALTER TABLE "clusters" ADD CONSTRAINT "clusters_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "cluster_keys" ADD CONSTRAINT "cluster_keys_cluster_id_fkey" FOREIGN KEY ("cluster_id") REFERENCES "clusters"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "registration_tokens" ADD CONSTRAINT "registration_tokens_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_cluster_id_fkey" FOREIGN KEY ("cluster_id") REFERENCES "clusters"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "sent_marks" ADD CONSTRAINT "sent_marks_cluster_id_fkey" FOREIGN KEY ("cluster_id") REFERENCES "clusters"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "repositories" ADD CONSTRAINT "repositories_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "repository_refs" ADD CONSTRAINT "repository_refs_repository_id_fkey" FOREIGN KEY ("repository_id") REFERENCES "repositories"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "source_trees" ADD CONSTRAINT "source_trees_repository_id_fkey" FOREIGN KEY ("repository_id") REFERENCES "repositories"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "applications" ADD CONSTRAINT "applications_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "application_sources" ADD CONSTRAINT "application_sources_application_id_fkey" FOREIGN KEY ("application_id") REFERENCES "applications"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "application_sources" ADD CONSTRAINT "application_sources_repository_id_fkey" FOREIGN KEY ("repository_id") REFERENCES "repositories"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "revisions" ADD CONSTRAINT "revisions_application_id_fkey" FOREIGN KEY ("application_id") REFERENCES "applications"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "variants" ADD CONSTRAINT "variants_revision_id_fkey" FOREIGN KEY ("revision_id") REFERENCES "revisions"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "bundles" ADD CONSTRAINT "bundles_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "frames" ADD CONSTRAINT "frames_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "targets" ADD CONSTRAINT "targets_application_id_fkey" FOREIGN KEY ("application_id") REFERENCES "applications"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "targets" ADD CONSTRAINT "targets_cluster_id_fkey" FOREIGN KEY ("cluster_id") REFERENCES "clusters"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "target_observations" ADD CONSTRAINT "target_observations_target_id_fkey" FOREIGN KEY ("target_id") REFERENCES "targets"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "fact_rings" ADD CONSTRAINT "fact_rings_cluster_id_fkey" FOREIGN KEY ("cluster_id") REFERENCES "clusters"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "application_counters" ADD CONSTRAINT "application_counters_application_id_fkey" FOREIGN KEY ("application_id") REFERENCES "applications"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "cluster_counters" ADD CONSTRAINT "cluster_counters_cluster_id_fkey" FOREIGN KEY ("cluster_id") REFERENCES "clusters"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "rollouts" ADD CONSTRAINT "rollouts_application_id_fkey" FOREIGN KEY ("application_id") REFERENCES "applications"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "rollouts" ADD CONSTRAINT "rollouts_revision_id_fkey" FOREIGN KEY ("revision_id") REFERENCES "revisions"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "rollout_targets" ADD CONSTRAINT "rollout_targets_rollout_id_fkey" FOREIGN KEY ("rollout_id") REFERENCES "rollouts"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "rollout_events" ADD CONSTRAINT "rollout_events_rollout_id_fkey" FOREIGN KEY ("rollout_id") REFERENCES "rollouts"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "commands" ADD CONSTRAINT "commands_cluster_id_fkey" FOREIGN KEY ("cluster_id") REFERENCES "clusters"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "audit_seals" ADD CONSTRAINT "audit_seals_event_id_fkey" FOREIGN KEY ("event_id") REFERENCES "audit_events"("id") ON DELETE RESTRICT ON UPDATE CASCADE;



-- What Prisma's schema language cannot say -----------------------------------------------------------------------

-- A partition a month, made ahead by the worker; the default one catches what comes before it was made.
CREATE TABLE "target_transitions_default" PARTITION OF "target_transitions" DEFAULT;

-- One hub, one cluster per Kubernetes cluster (a revoked one may be enrolled anew).
ALTER TABLE "hub" ADD CONSTRAINT "hub_singleton_true" CHECK ("singleton");
CREATE UNIQUE INDEX "clusters_kube_system_uid_live" ON "clusters" ("kube_system_uid") WHERE "state" <> 'Revoked';

-- At most one open and one waiting rollout an application.
CREATE UNIQUE INDEX "rollouts_one_open" ON "rollouts" ("application_id") WHERE "phase" IN ('Running', 'Paused');
CREATE UNIQUE INDEX "rollouts_one_waiting" ON "rollouts" ("application_id") WHERE "phase" IN ('Queued', 'AwaitingSync');

-- Rewritten with every report: room in the page keeps the update beside its row and out of the indexes.
ALTER TABLE "target_observations" SET (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02);

-- One present run a target.
CREATE UNIQUE INDEX "target_runs_one_present" ON "target_runs" ("target_id") WHERE "to_at" IS NULL;

-- Events that the chain does not hold yet.
CREATE INDEX "repositories_requested" ON "repositories" ("id") WHERE "requested_seq" > "polled_seq";
CREATE INDEX "applications_requested" ON "applications" ("id") WHERE "requested_seq" > "resolved_seq";
CREATE INDEX "clusters_labels" ON "clusters" USING GIN ("labels" jsonb_path_ops);

-- The audit trail is append-only, for whoever holds the connection.
CREATE FUNCTION "audit_is_append_only"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit rows are append-only (% on %)', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER "audit_events_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "audit_events"
  FOR EACH STATEMENT EXECUTE FUNCTION "audit_is_append_only"();
CREATE TRIGGER "audit_seals_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "audit_seals"
  FOR EACH STATEMENT EXECUTE FUNCTION "audit_is_append_only"();
CREATE TRIGGER "audit_checkpoints_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "audit_checkpoints"
  FOR EACH STATEMENT EXECUTE FUNCTION "audit_is_append_only"();
