/** Which sync windows of its project apply to each target of an application. Pure, from the project's spec. */
import { matchesAnyGlob } from '@flotilla/domain/placement/glob';
import { picks, type Placement } from '@flotilla/domain/placement/placed';
import type { Labels } from '@flotilla/domain/placement/selector';
import { parseWindow, type Window } from '@flotilla/domain/window/window';
import { timesOf, type SyncWindowSpec } from '../applications/project.ts';

export interface WindowedTarget {
  id: string;
  clusterName: string;
  labels: Labels;
}

/** The same array for all targets with the same windows, so that a step judges each set once. */
export function windowsOfTargets(
  windows: readonly SyncWindowSpec[],
  application: { name: string; namespace: string },
  targets: readonly WindowedTarget[],
): (targetId: string) => readonly Window[] {
  const ofApplication = windows.filter(
    (window) =>
      matchesAnyGlob(window.applications, application.name) &&
      matchesAnyGlob(window.namespaces, application.namespace),
  );
  if (ofApplication.length === 0) return () => none;
  const sets = new Map<string, readonly Window[]>();
  const byTarget = new Map(
    targets.map((target) => {
      const own = ofApplication.filter((window) =>
        picks(window as Placement, { name: target.clusterName, labels: target.labels }),
      );
      const key = own.map((window) => ofApplication.indexOf(window)).join(' ');
      const set = sets.get(key) ?? own.flatMap(timesWritten);
      sets.set(key, set);
      return [target.id, set];
    }),
  );
  return (targetId) => byTarget.get(targetId) ?? none;
}

const none: readonly Window[] = [];

/** A window was checked when it was written; one from before a rule existed must not stop the fleet. */
function timesWritten(window: SyncWindowSpec): Window[] {
  const parsed = parseWindow(timesOf(window), window.kind);
  return parsed.ok ? [parsed.window] : [];
}
