/** What waits in one stage may be Rejected by another: automation starts it no more, so that it goes. */
import { draftOf, stateOf } from '../rollout/draft.ts';
import { dropWaiting } from '../rollout/proposal.ts';
import type { FleetState } from '../rollout/state.ts';
import type { RolloutEvent } from '../rollout/step.ts';

/** The same reference where nothing waits that is Rejected. */
export function dropRejected(
  state: FleetState,
  nowMs: number,
): { state: FleetState; events: readonly RolloutEvent[] } {
  const { waiting, rejected } = state;
  if (waiting === null || !rejected.includes(waiting.revision)) return { state, events: [] };
  const draft = draftOf(state, nowMs);
  dropWaiting(draft, 'Aborted', `revision ${waiting.revision} is Rejected`);
  return { state: stateOf(draft), events: draft.events };
}
