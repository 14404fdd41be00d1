/** What a person asked to be synced, and has not been looked at yet; as it is stored. */
export interface PendingSync {
  id: string;
  by: string;
  /** Applies every object, also unchanged ones. */
  force: boolean;
  /** Ids; null: all. */
  clusters: string[] | null;
}

/** A request that comes before the one before it was looked at adds to it: none is lost, and one look answers both. */
export function joinSync(pending: PendingSync | null, asked: PendingSync): PendingSync {
  if (pending === null) return asked;
  return {
    ...asked,
    by: [...new Set([...pending.by.split(', '), asked.by])].join(', '),
    force: pending.force || asked.force,
    clusters: union(pending.clusters, asked.clusters),
  };
}

function union(some: string[] | null, others: string[] | null): string[] | null {
  return some === null || others === null ? null : [...new Set([...some, ...others])];
}
