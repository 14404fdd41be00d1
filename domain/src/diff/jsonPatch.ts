/** Object → object as an RFC 6902 patch: deterministic, add/remove/replace only. */
import type { Json } from '../object/types.ts';

export type PatchOperation =
  | { op: 'add'; path: string; value: Json }
  | { op: 'replace'; path: string; value: Json }
  | { op: 'remove'; path: string };

export declare function jsonPatch(from: Json, to: Json): PatchOperation[];
/** @throws Error for a path that is not there */
export declare function applyJsonPatch(document: Json, patch: PatchOperation[]): Json;
export declare function jsonEqual(a: Json, b: Json): boolean;
