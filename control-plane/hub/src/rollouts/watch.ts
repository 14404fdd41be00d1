/**
 * Finds, by what changed since the last look, which applications have to be placed again and which only looked at: a
 * cluster's generation rises with each assignment, and that alone must not place a whole project anew.
 */
import type { ApplicationMark, ClusterMark } from './watch.store.ts';

export interface Changed {
  /** Projects whose applications have to be placed again. */
  projects: Set<string>;
  /** Clusters whose targets can be reached or believed otherwise than before. */
  clusters: string[];
}

export class Watch {
  readonly #clusters = new Map<string, ClusterMark>();
  readonly #applications = new Map<string, string>();

  /** `isAll`: these are all clusters, so that those missing are gone. */
  see(clusters: readonly ClusterMark[], isAll: boolean): Changed {
    const projects = new Set<string>();
    const moved: string[] = [];
    for (const mark of clusters) {
      const known = this.#clusters.get(mark.id);
      this.#clusters.set(mark.id, mark);
      if (known?.placement !== mark.placement) projects.add(mark.projectId);
      if (known?.presence !== mark.presence) moved.push(mark.id);
    }
    if (isAll) for (const gone of this.#missing(clusters)) projects.add(gone.projectId);
    return { projects, clusters: moved };
  }

  /** Applications that are new or were changed. */
  seeApplications(applications: readonly ApplicationMark[]): Set<string> {
    const changed = applications.filter(({ id, mark }) => this.#applications.get(id) !== mark);
    this.#applications.clear();
    for (const { id, mark } of applications) this.#applications.set(id, mark);
    return new Set(changed.map(({ id }) => id));
  }

  #missing(clusters: readonly ClusterMark[]): ClusterMark[] {
    const present = new Set(clusters.map(({ id }) => id));
    const missing = [...this.#clusters.values()].filter(({ id }) => !present.has(id));
    for (const { id } of missing) this.#clusters.delete(id);
    return missing;
  }
}
