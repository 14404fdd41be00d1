/** Rows of history and rollouts as the API shows them. */
import { revisionSummaryOf } from '../applications/applicationResource.ts';
import type { RunRow, TransitionListRow } from './history.store.ts';
import type { RevisionRow, RolloutRow } from './rollouts.store.ts';
import type * as schema from './status.schema.ts';

export function runResourceOf(row: RunRow): schema.RunResource {
  return {
    target: row.target_id,
    application: row.application_name,
    cluster: row.cluster_name,
    revisionNumber: row.revision_number,
    commit: row.commit,
    bundle: row.bundle,
    assignment: Number(row.assignment),
    from: row.from_at.toISOString(),
    to: row.to_at?.toISOString() ?? null,
    agentAt: row.agent_at?.toISOString() ?? null,
  };
}

/** What is gone meanwhile is named by its id. */
export function transitionResourceOf(row: TransitionListRow): schema.TransitionResource {
  return {
    at: row.at.toISOString(),
    agentAt: row.agent_at?.toISOString() ?? null,
    target: row.target_id,
    application: row.application ?? row.application_id,
    cluster: row.cluster ?? row.cluster_id,
    kind: row.kind,
    from: row.from,
    to: row.to,
    detail: row.detail,
  };
}

export function revisionResourceOf(row: RevisionRow): schema.RevisionResource {
  return {
    id: row.id,
    ...revisionSummaryOf(row),
    sources: row.sources.map(({ repository, ref, commit, path }) => ({ repository, ref, commit, path })),
    error: row.error && { message: row.error.message ?? 'does not render' },
    createdAt: row.created_at.toISOString(),
  };
}

export function rolloutResourceOf(row: RolloutRow): schema.RolloutResource {
  return {
    id: row.id,
    application: row.application,
    applicationId: row.application_id,
    stage: row.stage,
    revisionNumber: row.revision_number,
    kind: row.kind,
    phase: row.phase,
    phaseReason: row.phase_reason,
    createdBy: row.created_by,
    createdAt: row.created_at.toISOString(),
    startedAt: row.started_at?.toISOString() ?? null,
    closedAt: row.closed_at?.toISOString() ?? null,
    waves: (row.waves ?? []).map(({ wave, outcomes }) => ({
      wave,
      outcomes,
      total: Object.values(outcomes).reduce((sum, n) => sum + n, 0),
    })),
  };
}
