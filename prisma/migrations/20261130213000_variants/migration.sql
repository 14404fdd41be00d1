-- A revision renders to a variant for every set of labels and facts that its templates read; one that a target lacks is asked for here.
ALTER TABLE "applications" ADD COLUMN "variants_wanted" INTEGER[] NOT NULL DEFAULT '{}';
CREATE INDEX "applications_variants_wanted" ON "applications" ("id") WHERE "variants_wanted" <> '{}';

-- A plan asks each cluster about its own variant.
ALTER TABLE "plans" ADD COLUMN "variants" JSONB NOT NULL DEFAULT '[]';
