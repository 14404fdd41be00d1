/** How a proposed rollout finds its place: at once, behind what is open, or waiting for a person. */
import { tell, type Draft } from './draft.ts';
import { close, openForward } from './phases.ts';
import type { FleetState, Rollout } from './state.ts';
import type { Observations } from './step.ts';
import type { Strategy } from './strategy.ts';

export interface Proposal {
  /** Fresh id of the rollout. */
  id: string;
  revision: number;
  strategy: Strategy;
  /** False: the rollout waits as AwaitingSync for a person. */
  automated: boolean;
  by: string;
}

/** What waited for a person only because sync was manual, and is proposed again because it no longer is. */
export function freedBy(proposal: Proposal, waiting: Rollout | null): Rollout | null {
  const isFreed =
    proposal.automated && waiting?.phase === 'AwaitingSync' && waiting.revision === proposal.revision;
  return isFreed ? waiting : null;
}

/** A proposal that comes twice, or late because its rendering took longer, must not move a fleet backwards. */
export function newestKnown(state: FleetState): number {
  const { open, waiting, completed } = state;
  const forward = [open, waiting].filter((rollout) => rollout !== null && rollout.kind === 'forward');
  return Math.max(0, ...completed, ...forward.map((rollout) => rollout?.revision ?? 0));
}

/** Why an automated revision may not supersede what is open; '' when it may. */
export function blockerOf(open: Rollout | null, strategy: Strategy): string {
  if (open === null) return '';
  if (open.kind === 'rollback') return 'waits for the rollback to end';
  if (open.pausedBy === 'person') return 'waits for the rollout that a person paused';
  return strategy.onNewRevision === 'queue' ? 'waits for the rollout before it' : '';
}

export function supersede(draft: Draft, rollout: Rollout, seen: Pick<Observations, 'targets'>): void {
  const carried = close(draft, 'Superseded', `by revision ${rollout.revision}`);
  if (draft.state.waiting !== null) dropWaiting(draft, 'Superseded', `by revision ${rollout.revision}`);
  openForward(draft, rollout, seen, carried);
}

export function wait(draft: Draft, rollout: Rollout, reason: string): void {
  if (draft.state.waiting !== null) dropWaiting(draft, 'Superseded', `by revision ${rollout.revision}`);
  draft.state = { ...draft.state, waiting: { ...rollout, phaseReason: reason } };
  tell(draft, 'Waiting', `revision ${rollout.revision}: ${reason}`, { rollout: rollout.id });
}

export function dropWaiting(draft: Draft, phase: 'Superseded' | 'Aborted', reason: string): void {
  const { waiting } = draft.state;
  if (waiting === null) return;
  const closed: Rollout = { ...waiting, phase, phaseReason: reason, closedAtMs: draft.nowMs };
  draft.state = { ...draft.state, waiting: null, closed: [...draft.state.closed, closed] };
  tell(draft, 'Closed', `${phase}: ${reason}`, { rollout: waiting.id, detail: { phase } });
}
