-- CreateTable
CREATE TABLE "plans" (
    "id" UUID NOT NULL DEFAULT uuidv7(),
    "application_id" UUID NOT NULL,
    "revision" TEXT NOT NULL,
    "repository_id" UUID NOT NULL,
    "phase" TEXT NOT NULL,
    "error" TEXT,
    "sources" JSONB NOT NULL DEFAULT '[]',
    "meta" JSONB NOT NULL DEFAULT '{}',
    "bundle" TEXT,
    "objects" INTEGER NOT NULL DEFAULT 0,
    "body_digest" TEXT,
    "answer_timeout_ms" INTEGER NOT NULL,
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "plans_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "plan_results" (
    "plan_id" UUID NOT NULL,
    "target_id" UUID NOT NULL,
    "cluster_id" UUID NOT NULL,
    "cluster_name" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "bundle" TEXT NOT NULL,
    "command_id" UUID,
    "asked_at" TIMESTAMPTZ(3),
    "answered_at" TIMESTAMPTZ(3),
    "digest" TEXT,
    "verdict" TEXT,
    "counts" JSONB,
    "message" TEXT NOT NULL DEFAULT '',

    CONSTRAINT "plan_results_pkey" PRIMARY KEY ("plan_id","target_id")
);

-- CreateTable
CREATE TABLE "plan_diffs" (
    "plan_id" UUID NOT NULL,
    "digest" TEXT NOT NULL,
    "data" BYTEA NOT NULL,
    "key_version" INTEGER NOT NULL,
    "size_bytes" INTEGER NOT NULL,

    CONSTRAINT "plan_diffs_pkey" PRIMARY KEY ("plan_id","digest")
);

-- CreateIndex
CREATE INDEX "plans_application_id_created_at_idx" ON "plans"("application_id", "created_at");

-- CreateIndex
CREATE INDEX "plan_results_plan_id_cluster_name_idx" ON "plan_results"("plan_id", "cluster_name");

-- AddForeignKey
ALTER TABLE "plans" ADD CONSTRAINT "plans_application_id_fkey" FOREIGN KEY ("application_id") REFERENCES "applications"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "plan_results" ADD CONSTRAINT "plan_results_plan_id_fkey" FOREIGN KEY ("plan_id") REFERENCES "plans"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "plan_diffs" ADD CONSTRAINT "plan_diffs_plan_id_fkey" FOREIGN KEY ("plan_id") REFERENCES "plans"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Plans that are under way: what workers look for.
CREATE INDEX "plans_open" ON "plans" ("id") WHERE "phase" IN ('Rendering', 'Asking');
