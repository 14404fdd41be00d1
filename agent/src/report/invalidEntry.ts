/** What is shown of a target whose entry cannot be honoured: nobody looks after it until there is one that can. */
import type { EntryProblem } from '@flotilla/domain/desired/parse';
import type { ObservedState } from '@flotilla/domain/status/observed';

export function invalidEntryState({ target, reason }: EntryProblem): ObservedState {
  const message = `this agent cannot honour the entry: ${reason}`;
  return {
    target,
    assignment: 0,
    revision: 0,
    bundle: '',
    sync: 'Unknown',
    health: { status: 'Unknown', message },
    operation: null,
    counts: { objects: 0, outOfSync: 0, pruneHeld: 0 },
    conditions: [{ type: 'InvalidEntry', message }],
    resources: [],
    removal: 'None',
  };
}
