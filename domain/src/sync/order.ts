/** The order of kinds inside a sync wave. */
import type { Identity } from '../object/types.ts';

/** Smaller applies earlier. */
export declare function kindRank(kind: { group: string; kind: string }): number;
/** By kind order, then kind, namespace, name. */
export declare function compareForApply(a: Identity, b: Identity): number;
/** Neighbours of one kind in one group; `reverse` for deletes. */
export declare function groupByKind<T>(
  items: T[],
  identityOf: (item: T) => Identity,
  direction: 'apply' | 'delete',
): T[][];
