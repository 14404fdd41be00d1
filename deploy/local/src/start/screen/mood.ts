/** How a cluster does, in one word: of its state, its agent, and the worst of what is placed on it. */
import type { Cluster, Target } from '@flotilla/client/types';
import type { FleetSight } from './sight.ts';

/**
 * `current`: healthy with the newest revision of everything. `older`: healthy, its turn is still to come.
 * `away`: its agent is not heard. `apart`: it takes no part, a person decides.
 */
export type Mood = 'current' | 'older' | 'progressing' | 'degraded' | 'apart' | 'away' | 'waiting';

export interface ClusterMood {
  name: string;
  group: string;
  mood: Mood;
  /** Of the main application; null while there is none. */
  revision: number | null;
  newest: number | null;
  /** What a person should know, or ''. */
  note: string;
}

/** `groupLabel` names the label by which clusters stand together, `main` the application whose revision is shown. */
export interface MoodOptions {
  groupLabel: string;
  main: string;
}

export function moodsOf(sight: FleetSight, options: MoodOptions): ClusterMood[] {
  const targets = Map.groupBy(sight.targets, ({ clusterId }) => clusterId);
  const newest = new Map(sight.applications.map(({ id, revisionNumber }) => [id, revisionNumber]));
  return sight.clusters
    .filter(({ state }) => state !== 'Revoked')
    .map((cluster) => moodOf(cluster, targets.get(cluster.id) ?? [], newest, options));
}

function moodOf(
  cluster: Cluster,
  targets: readonly Target[],
  newest: ReadonlyMap<string, number>,
  { groupLabel, main }: MoodOptions,
): ClusterMood {
  const shown = targets.find(({ application }) => application === main);
  const common = {
    name: cluster.name,
    group: cluster.labels[groupLabel] ?? '',
    revision: shown?.observedRevision ?? null,
    newest: shown === undefined ? null : (newest.get(shown.applicationId) ?? null),
  };
  return { ...common, ...judge(cluster, targets, newest) };
}

function judge(
  cluster: Cluster,
  targets: readonly Target[],
  newest: ReadonlyMap<string, number>,
): Pick<ClusterMood, 'mood' | 'note'> {
  if (cluster.state !== 'Active')
    return { mood: 'apart', note: `${cluster.state.toLowerCase()}: ${cluster.stateReason ?? ''}` };
  if (cluster.connection === 'Never') return { mood: 'waiting', note: '' };
  if (cluster.connection === 'Offline' || targets.some(({ live }) => !live))
    return { mood: 'away', note: '' };
  const bad = targets.find(({ health }) => health === 'Degraded' || health === 'Missing');
  if (bad) return { mood: 'degraded', note: `${bad.application}: ${bad.healthMessage || bad.health}` };
  const moving = targets.find((target) => !isSettled(target));
  if (moving) return { mood: 'progressing', note: noteOf(moving) };
  const isCurrent = targets.every(
    ({ applicationId, revisionNumber }) => revisionNumber === newest.get(applicationId),
  );
  return { mood: isCurrent ? 'current' : 'older', note: '' };
}

/** It holds what was assigned to it, and that is healthy. */
export function isSettled({ assignment, observedAssignment, sync, health, live }: Target): boolean {
  const isHealthy = health === 'Healthy' || health === 'Suspended';
  return live && assignment > 0 && assignment === observedAssignment && sync === 'Synced' && isHealthy;
}

/** Said of all targets alike: what one of them has to say for itself comes first. */
const ofSource = ['SourceError', 'RenderError', 'SourceRewritten'];

function noteOf({ application, conditions, healthMessage }: Target): string {
  const own = conditions.find(({ type }) => !ofSource.includes(type));
  const condition = own ?? (healthMessage === '' ? conditions[0] : undefined);
  const why = condition === undefined ? healthMessage : `${condition.type}: ${condition.message}`;
  return why === '' ? '' : `${application}: ${why}`;
}
