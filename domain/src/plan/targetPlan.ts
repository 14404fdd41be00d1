/** Planned objects → a target's plan: counted, in order, within bounds, and the same bytes wherever the same would change. */
import { canonicalBytes, canonicalText } from '../bundle/canonical.ts';
import { digestOfText, toHex, type Digest, type Sha256 } from '../digest/sha256.ts';
import { comparePlanned, noCounts, type Omitted, type PlannedObject, type TargetPlan } from './plan.ts';

/** What a plan lists at most. */
export const planBytesMax = 256 * 1024;
export const plannedFieldsMax = 200;

/** `unchanged` objects are only counted. */
export function targetPlanOf(
  planned: readonly PlannedObject[],
  unchanged: number,
  sha256: Sha256,
  bytesMax = planBytesMax,
): TargetPlan {
  const counts = { ...noCounts(), unchanged };
  const sorted = planned.map((object) => withFewerFields(object, sha256)).sort(comparePlanned);
  for (const { action } of sorted) counts[action] += 1;
  const texts = sorted.map((object) => canonicalText(object));
  const listed = countWithin(texts, bytesMax);
  return {
    counts,
    objects: sorted.slice(0, listed),
    omitted: omittedOf(texts.slice(listed), sha256),
  };
}

function withFewerFields(planned: PlannedObject, sha256: Sha256): PlannedObject {
  if (planned.action !== 'change' || planned.fields.length <= plannedFieldsMax) return planned;
  const rest = planned.fields.slice(plannedFieldsMax).map((field) => canonicalText(field));
  return {
    ...planned,
    fields: planned.fields.slice(0, plannedFieldsMax),
    omitted: omittedOf(rest, sha256),
  };
}

function countWithin(texts: readonly string[], bytesMax: number): number {
  let bytes = 0;
  for (const [index, text] of texts.entries()) {
    bytes += new TextEncoder().encode(text).length + 1;
    if (bytes > bytesMax) return index;
  }
  return texts.length;
}

function omittedOf(texts: readonly string[], sha256: Sha256): Omitted | null {
  if (texts.length === 0) return null;
  return { count: texts.length, digest: digestOfText(sha256, texts.join('\n')) };
}

/** RFC 8785 JSON: what travels, and what the digest is over. */
export function encodePlan(plan: TargetPlan): Uint8Array {
  return canonicalBytes(plan);
}

/** Equal exactly where the same would change. */
export function planDigest(plan: TargetPlan, sha256: Sha256): Digest {
  return toHex(sha256(encodePlan(plan)));
}
