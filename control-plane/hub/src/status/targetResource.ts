/** From a row to the target that the API shows: `summarize` of domain/status decides what may be believed. */
import { summarize, type SummaryInput } from '@flotilla/domain/status/summary';
import type { Currency } from '@flotilla/domain/status/currency';
import type { CurrencyResource } from '../applications/application.ts';
import { heldBy } from '../applications/shown.ts';
import type { TargetResource } from './status.schema.ts';
import type { TargetRow } from './targets.store.ts';

export function targetResourceOf(row: TargetRow): TargetResource {
  const summary = summarize(summaryInput(row));
  const known = row.observed_assignment !== null;
  return {
    id: row.id,
    application: row.application,
    applicationId: row.application_id,
    project: row.project,
    cluster: row.cluster,
    clusterId: row.cluster_id,
    stage: row.stage,
    state: row.state,
    removal: row.removal,
    sync: summary.sync,
    health: summary.health.status,
    healthMessage: summary.health.message,
    currency: currencyResourceOf(summary.currency),
    shownSync: summary.shownSync,
    shownWhy: summary.shownWhy,
    assignment: Number(row.assignment),
    revisionNumber: row.revision_number,
    bundle: row.bundle,
    reads: row.reads ?? {},
    observedAssignment: known ? Number(row.observed_assignment) : null,
    observedRevision: known ? row.observed_revision : null,
    observedBundle: known ? row.observed_bundle : null,
    operation: row.operation_phase && { phase: row.operation_phase, message: row.operation_message },
    conditions: [...hubConditions(row), ...(row.conditions ?? []), ...sourceConditions(row)],
    live: row.believed,
    lastSeenAt: row.last_seen_at?.toISOString() ?? null,
    changedAt: row.changed_at?.toISOString() ?? null,
  };
}

type Condition = TargetResource['conditions'][number];

function summaryInput(row: TargetRow): SummaryInput {
  return {
    assigned:
      row.assignment === 0n
        ? null
        : { assignment: Number(row.assignment), revision: row.revision_number ?? 0 },
    observed: observedOf(row),
    live: row.believed,
    lastSeen: row.last_seen_at?.toISOString() ?? null,
    newestRevision: row.newest_revision,
    heldBy: heldByOf(row),
  };
}

function observedOf(row: TargetRow): SummaryInput['observed'] {
  if (row.observed_assignment === null) return null;
  return {
    assignment: Number(row.observed_assignment),
    sync: row.observed_sync,
    health: { status: row.observed_health, message: row.health_message },
    operation: row.operation_phase && {
      assignment: row.operation_assignment ?? 0,
      phase: row.operation_phase,
      message: row.operation_message,
    },
    conditions: row.conditions ?? [],
  };
}

/** '' when nothing keeps the target where it is. */
function heldByOf(row: TargetRow): string {
  if (row.pinned_revision !== null) return row.pin_reason ? `pinned: ${row.pin_reason}` : 'pinned';
  if (row.leaving_since !== null) return 'leaving';
  if (row.cluster_state === 'Paused' || row.cluster_state === 'Quarantined') {
    return `cluster ${row.cluster_state.toLowerCase()}`;
  }
  if (row.rollout === null) return '';
  return heldBy(row.rollout) ?? '';
}

/** What the hub itself has to say about a target. */
function hubConditions(row: TargetRow): Condition[] {
  const conditions: (Condition | null)[] = [
    row.leaving_since === null ? null : { type: 'Leaving', message: leavingText(row.leaving_since, row) },
    row.render_error === null ? null : { type: 'RenderError', message: row.render_error },
    row.agent_refused === null ? null : { type: 'AgentRefused', message: row.agent_refused },
    row.refused === null ? null : { type: 'NotAccepted', message: refusedText(row.refused) },
  ];
  return conditions.filter((condition) => condition !== null);
}

function leavingText(since: Date, { leaving_held: isHeld }: TargetRow): string {
  return isHeld
    ? 'left the placement together with many others: waits for a person to confirm'
    : `left the placement at ${since.toISOString()}`;
}

const ofSource = ['SourceError', 'RenderError', 'SourceRewritten'];

/** Why no newer revision comes, said at every target that would get it. */
function sourceConditions(row: TargetRow): Condition[] {
  return row.application_conditions.filter(({ type }) => ofSource.includes(type));
}

function refusedText(reason: string): string {
  return `the agent refuses its newest desired state and keeps what it had: ${reason}`;
}

function currencyResourceOf(currency: Currency): CurrencyResource {
  switch (currency.type) {
    case 'Current':
      return { state: 'Current', behind: 0, reason: null };
    case 'Behind':
      return { state: 'Behind', behind: currency.by, reason: null };
    case 'Held':
      return { state: 'Held', behind: 0, reason: currency.reason };
  }
}
