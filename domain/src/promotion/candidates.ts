/** What is kept of the revisions that may go on to a stage. Values are never changed in place. */
import type { FleetState, Rollout } from '../rollout/state.ts';
import type { Observations } from '../rollout/step.ts';

/** Completed in the stage before, and healthy there since, but not yet for long enough. */
export interface Soaking {
  revision: number;
  /** That completed it there; null where nobody knows any more. */
  rollout: string | null;
  sinceMs: number;
  /** Start of the present time without anything unhealthy; null: it is held. */
  healthyFromMs: number | null;
  /** When it will have soaked; null: it is held. */
  untilMs: number | null;
  /** Why its time does not count now; '' where it does. */
  heldBy: string;
}

/** Has soaked, and waits for a person. */
export interface Ready {
  revision: number;
  rollout: string | null;
  sinceMs: number;
}

/** A revision may wait for a person while a newer one soaks behind it. */
export interface Candidates {
  soaking: Soaking | null;
  ready: Ready | null;
}

export const noCandidates: Candidates = { soaking: null, ready: null };

/** The stage that revisions come from, after its own step. */
export interface StageBefore {
  name: string;
  fleet: FleetState;
  /** Of its targets. */
  seen: Pick<Observations, 'targets'>;
  /** Its rollouts by the revision that they completed. */
  rollouts: ReadonlyMap<number, string>;
  /** Forward, by the step of this look; the next one that waited may have begun in it. */
  completedNow: readonly Rollout[];
}
