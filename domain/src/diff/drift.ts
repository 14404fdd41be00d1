/**
 * Drift is a change of a field that we applied. Decided on the paths our field manager owned after our last write, against
 * the server's answer to it: what the server defaulted, converted or others own is none.
 */
import type { DriftField } from '../status/observed.ts';
import type { IgnoreRule } from '../desired/entry.ts';
import type { KubeObject } from '../object/types.ts';
import type { PatchOperation } from './jsonPatch.ts';

export const fieldManager = 'flotilla';

/** What our last write left behind, small enough to keep for every object. */
export interface WrittenMeta {
  uid: string;
  /** Null for kinds without one (ConfigMap, Secret). */
  generation: number | null;
  /** Canonical text of labels, annotations and our managedFields entry. */
  labels: string;
  annotations: string;
  ownFields: string;
}

/** From the server's answer to our PATCH, or from a watch event (PartialObjectMetadata is enough). */
export declare function writtenMeta(object: KubeObject): WrittenMeta;

/** `unchanged`: no spec drift. `inspect`: GET and compare. `recreated`: another uid under this name. `deleting`: going away. */
export type WatchVerdict = 'unchanged' | 'inspect' | 'recreated' | 'deleting';

export declare function judgeWatchEvent(lastWritten: WrittenMeta, live: KubeObject): WatchVerdict;

/** `applied` is the server's answer to our last PATCH. Empty: no drift. Sorted by path. */
export declare function driftOf(input: {
  applied: KubeObject;
  live: KubeObject;
  ignore: IgnoreRule[];
}): DriftField[];

/** Where that answer is lost: the answer of a dry-run PATCH against live. Empty: no drift. */
export declare function driftByDryRun(input: { dryRun: KubeObject; live: KubeObject }): {
  patch: PatchOperation[];
  fields: DriftField[];
};
