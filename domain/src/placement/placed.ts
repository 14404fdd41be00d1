/**
 * Which clusters an application belongs on. Labels are the hub's own; what an agent says of itself never decides here.
 * A placement that names nothing and selects nothing places nothing: an empty spec must not mean "everywhere".
 */
import type { ClusterState } from '../status/words.ts';
import { matchesAnyGlob } from './glob.ts';
import { matchesSelector, type Labels, type Selector } from './selector.ts';

export interface Placement {
  clusters: {
    /** Names or globs. With a selector as well, a cluster that either picks is placed. */
    names?: readonly string[];
    /** `{}` is every cluster of the project. */
    selector?: Selector;
  };
}

export interface PlaceableCluster {
  id: string;
  name: string;
  labels: Labels;
  state: ClusterState;
}

/**
 * Ids of the clusters that the placement picks, sorted by name. A Pending cluster is nobody's yet and a Revoked one
 * no longer anybody's; Paused and Quarantined ones stay targets, since offline or held never un-targets.
 */
export function placed(placement: Placement, clusters: readonly PlaceableCluster[]): string[] {
  return clusters
    .filter(
      (cluster) => cluster.state !== 'Pending' && cluster.state !== 'Revoked' && picks(placement, cluster),
    )
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((cluster) => cluster.id);
}

export function picks(placement: Placement, cluster: { name: string; labels: Labels }): boolean {
  const { names, selector } = placement.clusters;
  if (names !== undefined && matchesAnyGlob(names, cluster.name)) return true;
  return selector !== undefined && matchesSelector(selector, cluster.labels);
}
