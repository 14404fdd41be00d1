/** `metadata.managedFields` (FieldsV1) as trees of paths: who owns a field, and since when. */
import type { Json, KubeObject } from '../object/types.ts';

export type PathElement =
  | { type: 'field'; name: string }
  | { type: 'key'; key: Record<string, Json> }
  | { type: 'value'; value: Json }
  | { type: 'index'; index: number };

export type FieldPath = PathElement[];

/** A node of FieldsV1; `self` is its `.`, and true for a leaf. Children by their raw key (`f:…`, `k:…`, `v:…`, `i:…`). */
export interface FieldNode {
  self: boolean;
  children: ReadonlyMap<string, FieldNode>;
}

export interface ManagedEntry {
  manager: string;
  operation: 'Apply' | 'Update';
  subresource: string;
  /** RFC 3339, '' where none was recorded. */
  time: string;
  fields: FieldNode;
}

export declare function managedEntries(object: KubeObject): ManagedEntry[];
/** Every owned leaf, in document order. */
export declare function leafPaths(fields: FieldNode): FieldPath[];
export declare function ownsPath(fields: FieldNode, path: FieldPath): boolean;
/** Entries that own the path, newest first. */
export declare function ownersOfPath(entries: ManagedEntry[], path: FieldPath): ManagedEntry[];
/** The value at a path; undefined where it is not there. */
export declare function valueAt(object: Json, path: FieldPath): Json | undefined;
/** `spec.template.spec.containers[name="app"].image` */
export declare function formatPath(path: FieldPath): string;
