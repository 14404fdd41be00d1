-- A plan that a rollout asks for is of its revision: of a commit of each source, wherever they have moved since.
ALTER TABLE "plans" ADD COLUMN "of_revision" INTEGER;
