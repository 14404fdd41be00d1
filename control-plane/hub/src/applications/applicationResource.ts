/** From a row to the application that the API shows. */
import type { ApplicationResource, StageResource } from './application.ts';
import type { ApplicationRow } from './applications.store.ts';
import { countsOf, currencyOfRollout, currencyOfStages, worstOf } from './shown.ts';
import { applicationSpec } from './spec.ts';

/** `stages`: none where it has none, or where they are not asked for. */
export function applicationResourceOf(row: ApplicationRow, stages?: StageResource[]): ApplicationResource {
  const status = countsOf(row.counts ?? {});
  const rollout = rolloutOf(row);
  return {
    id: row.id,
    project: row.project,
    name: row.name,
    // A stored spec is complete; one from before a field existed gets that field's default.
    spec: applicationSpec.parse(row.spec),
    version: row.version,
    revisionNumber: row.revision_number,
    revision: revisionOf(row),
    ...worstOf(status),
    currency: currencyOfStages(currencyOfRollout(rollout, behind(row), unrenderedOf(row)), stages ?? []),
    status,
    rollout,
    ...(stages !== undefined && { stages }),
    conditions: row.conditions,
    removal: row.removal,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

function rolloutOf({ rollout }: ApplicationRow): ApplicationResource['rollout'] {
  if (rollout === null) return null;
  const { id, revision_number: revisionNumber, kind, phase, phase_reason: phaseReason } = rollout;
  return { id, revisionNumber, kind, phase, phaseReason };
}

function revisionOf({ revision, revision_number: number }: ApplicationRow): ApplicationResource['revision'] {
  return revision === null ? null : revisionSummaryOf({ number, ...revision });
}

export interface StoredRevision {
  number: number;
  state: string;
  sources: readonly { commit: string }[];
  meta: { message?: string; author?: string };
}

/** The commit is the first source's. */
export function revisionSummaryOf({ number, state, sources, meta }: StoredRevision) {
  return {
    number,
    state,
    commit: sources[0]?.commit ?? '',
    message: meta.message ?? '',
    author: meta.author ?? '',
  };
}

function unrenderedOf({ revision, revision_number: number }: ApplicationRow): number | null {
  return revision?.state === 'Failed' ? number : null;
}

/** Revisions between the last completed rollout's and the newest. */
function behind({ rollout, completed_revision: completed }: ApplicationRow): number {
  if (rollout === null) return 0;
  return Math.max(1, rollout.revision_number - (completed ?? 0));
}
