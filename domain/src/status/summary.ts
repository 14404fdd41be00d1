/**
 * What is shown of a target: what the agent said about it, as far as it may still be believed. Synced and Healthy are
 * only ever shown for the present assignment, and only when the live session reported or confirmed it (invariant T).
 */
import { currencyOf, type Currency } from './currency.ts';
import type { Condition, Health, OperationPhase, SyncStatus } from './words.ts';

export interface SummaryInput {
  /** Null before the first assignment. */
  assigned: { assignment: number; revision: number } | null;
  /** What was last stored of the agent's report; null: nothing yet. */
  observed: {
    assignment: number;
    sync: SyncStatus;
    health: Health;
    operation: { assignment: number; phase: OperationPhase; message: string } | null;
    conditions: readonly Condition[];
  } | null;
  /** The stored report was made or confirmed by the session that is live now (`confirmed_fence` = `fence`, and connected). */
  live: boolean;
  /** RFC 3339; null: never heard. */
  lastSeen: string | null;
  newestRevision: number | null;
  heldBy: string;
}

export interface TargetSummary {
  sync: SyncStatus;
  health: Health;
  currency: Currency;
  /** As Argo users know it: OutOfSync when the cluster differs from what is assigned, or what is assigned is not the newest. */
  shownSync: SyncStatus;
  /** Which of the two it is, in words; '' when Synced. */
  shownWhy: string;
  stale: boolean;
  /** Only while stale. */
  lastSeen: string | null;
}

export function summarize(input: SummaryInput): TargetSummary {
  const currency = currencyOf({
    assigned: input.assigned?.revision ?? null,
    newest: input.newestRevision,
    heldBy: input.heldBy,
  });
  const stale = input.assigned !== null && !input.live;
  const { sync, health } = believed(input);
  return { sync, health, currency, ...shown(sync, currency), stale, lastSeen: stale ? input.lastSeen : null };
}

function believed(input: SummaryInput): { sync: SyncStatus; health: Health } {
  const { assigned, observed } = input;
  if (assigned === null) return { sync: 'Unknown', health: unknown('nothing is assigned yet') };
  if (!input.live) return { sync: 'Unknown', health: unknown(staleMessage(input)) };
  if (observed === null) return { sync: 'Unknown', health: unknown('the agent has not reported yet') };
  if (observed.assignment !== assigned.assignment) {
    return { sync: 'OutOfSync', health: healthOfOlder(observed.health) };
  }
  return { sync: observed.sync, health: observed.health };
}

/** A report about an older assignment can only make things look worse, never well. */
function healthOfOlder(health: Health): Health {
  if (health.status === 'Healthy' || health.status === 'Suspended' || health.status === 'Progressing') {
    return { status: 'Progressing', message: 'waiting for the agent to take up the assignment' };
  }
  return health;
}

function staleMessage(input: SummaryInput): string {
  if (input.observed === null) return 'the cluster is not connected and never reported';
  return `the cluster is not connected; last reported ${input.observed.health.status}`;
}

function unknown(message: string): Health {
  return { status: 'Unknown', message };
}

function shown(sync: SyncStatus, currency: Currency): Pick<TargetSummary, 'shownSync' | 'shownWhy'> {
  const isCurrent = currency.type === 'Current';
  if (sync === 'Synced' && isCurrent) return { shownSync: 'Synced', shownWhy: '' };
  if (sync === 'Unknown') return { shownSync: 'Unknown', shownWhy: 'the state of the cluster is not known' };
  const why = [
    sync === 'OutOfSync' ? 'the cluster differs from what is assigned' : '',
    isCurrent ? '' : 'what is assigned is not the newest revision',
  ];
  return { shownSync: 'OutOfSync', shownWhy: why.filter((part) => part !== '').join('; ') };
}
