/** Whether the newest commit has arrived everywhere, and how each cluster does. */
import type { Application, Target } from '@flotilla/client/types';
import { MAIN_APPLICATION } from './sample.ts';

export interface Snapshot {
  applications: readonly Application[];
  targets: readonly Target[];
}

export interface ClusterOutcome {
  sync: string;
  health: string;
  /** Number of the main application's revision that is there; null while there is none. */
  revision: number | null;
}

export interface Arrival {
  commit: string;
  targets: number;
  /** The hub believes an agent for a while after it is gone; only what was heard since then counts. */
  sinceMs: number;
}

/** Every target there should be is Synced and Healthy, by word of its live agent, and all are at `commit`. */
export function hasArrived(
  { applications, targets }: Snapshot,
  { commit, targets: expectedTargets, sinceMs }: Arrival,
): boolean {
  const revisions = new Map(applications.map(({ id, revisionNumber }) => [id, revisionNumber]));
  const allResolved = applications.every(({ revision }) => revision?.commit === commit);
  return (
    allResolved &&
    targets.length >= expectedTargets &&
    targets.every((target) => isSettled(target, revisions) && wasHeard(target, sinceMs))
  );
}

function isSettled(target: Target, revisions: Map<string, number>): boolean {
  const { revisionNumber, assignment, observedAssignment, sync, health, live } = target;
  const isNewest = revisionNumber !== null && revisionNumber === revisions.get(target.applicationId);
  return isNewest && assignment === observedAssignment && sync === 'Synced' && health === 'Healthy' && live;
}

function wasHeard({ lastSeenAt }: Target, sinceMs: number): boolean {
  return lastSeenAt !== null && Date.parse(lastSeenAt) >= sinceMs;
}

/** Of a cluster over all applications: as good as the worst of its targets. */
export function outcomeOf({ targets }: Snapshot, cluster: string): ClusterOutcome {
  const own = targets.filter((target) => target.cluster === cluster);
  const main = own.find(({ application }) => application === MAIN_APPLICATION);
  return {
    sync: own.find(({ sync }) => sync !== 'Synced')?.sync ?? (own.length > 0 ? 'Synced' : 'Unknown'),
    health:
      own.find(({ health }) => health !== 'Healthy')?.health ?? (own.length > 0 ? 'Healthy' : 'Unknown'),
    revision: main?.observedRevision ?? null,
  };
}
