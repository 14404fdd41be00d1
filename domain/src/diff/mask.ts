/** What must not leave the process: values of Secrets and other sensitive fields, replaced so that one still sees *that* they differ. */
import type { KubeObject } from '../object/types.ts';
import type { PatchOperation } from './jsonPatch.ts';

/** Further sensitive fields, by kind. */
export interface MaskRule {
  group?: string;
  kind: string;
  jsonPointers: string[];
}

/** One object alone. */
export declare function maskObject(object: KubeObject, rules?: MaskRule[]): KubeObject;
/** Two sides of a diff: equal values get equal placeholders, unequal ones unequal, and neither tells a length. */
export declare function maskPair(
  from: KubeObject | null,
  to: KubeObject | null,
  rules?: MaskRule[],
): [KubeObject | null, KubeObject | null];
/** `jsonPatch` of the masked pair; server bookkeeping (managedFields, resourceVersion …) left out. A missing side is null. */
export declare function maskedDiff(
  from: KubeObject | null,
  to: KubeObject | null,
  rules?: MaskRule[],
): PatchOperation[];
