/** What automation and people ask of an application's rollouts before a step: the newest revision, and `sync now`. Pure. */
import type { FleetState } from '@flotilla/domain/rollout/state';
import type { Observations, RolloutEvent } from '@flotilla/domain/rollout/step';
import type { Strategy } from '@flotilla/domain/rollout/strategy';
import { propose, retryAll, startWaiting } from '@flotilla/domain/rollout/verbs';

import type { PendingSync } from '../applications/joinSync.ts';
import type { RevisionRow } from './fleet.store.ts';

export interface Asked {
  state: FleetState;
  events: readonly RolloutEvent[];
}

export interface ProposalInput {
  strategy: Strategy;
  automated: boolean;
  revisions: ReadonlyMap<number, RevisionRow>;
  /** Of the newest forward rollout there ever was. */
  newestProposed: number;
  /** Fresh. */
  rolloutId: string;
}

/** A revision that is Ready is proposed once; one that waits for a person is proposed again when sync becomes automated. */
export function proposeNewest(
  state: FleetState,
  input: ProposalInput,
  seen: Observations,
  nowMs: number,
): Asked {
  const newest = newestReady(input.revisions);
  const { waiting } = state;
  const isFreed = input.automated && waiting?.phase === 'AwaitingSync' && waiting.revision === newest;
  if (newest === null || (newest <= input.newestProposed && !isFreed)) return { state, events: [] };
  const { rolloutId: id, strategy, automated } = input;
  const result = propose(state, { id, revision: newest, strategy, automated, by: 'automation' }, seen, nowMs);
  return result.ok ? result : { state, events: [] };
}

/** Not while a newer one is being rendered: that would start two rollouts for one push. */
function newestReady(revisions: ReadonlyMap<number, RevisionRow>): number | null {
  for (const { number, state, isLost } of [...revisions.values()].toSorted((a, b) => b.number - a.number)) {
    if (state === 'Candidate') return null;
    if (state === 'Ready' && !isLost) return number;
  }
  return null;
}

/**
 * Starts what waits; else every target that was asked for gets another assignment of what belongs there.
 * `mayReapply`: nothing waits in another stage that was asked for.
 */
export function syncNow(
  state: FleetState,
  request: PendingSync,
  mayReapply: boolean,
  seen: Observations,
  nowMs: number,
): Asked & { targets: string[] } {
  const targets = askedOf(state, request);
  const isAsked = request.clusters === null || targets.length > 0;
  if (state.waiting !== null && isAsked) {
    const started = startWaiting(state, request.by, seen, nowMs);
    if (started.ok) return { ...started, targets };
  }
  if (!mayReapply) return { state, events: [], targets: [] };
  return { ...retryAll(state, targets, request.by, nowMs), targets };
}

/** Ids of the targets that were asked for. */
export function askedOf({ targets }: FleetState, { clusters }: PendingSync): string[] {
  const asked = [...targets.values()].filter(
    ({ clusterId }) => clusters === null || clusters.includes(clusterId),
  );
  return asked.map(({ id }) => id);
}
