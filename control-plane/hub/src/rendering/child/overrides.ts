/** The patches of a cluster's overrides, on objects that are encoded already: what no patch means is not touched. */
import { encodeObject, type DigestOf, type EncodedObject } from '@flotilla/domain/bundle/encodeObject';
import { parseJson } from '@flotilla/domain/bundle/canonical';
import type { KubeObject } from '@flotilla/domain/object/types';
import { validateManifest } from '@flotilla/domain/object/validate';
import {
  isMeant,
  patchObject,
  targetText,
  type ObjectPatch,
  type Override,
} from '@flotilla/domain/variant/override';

export interface MatchedOverride extends Override {
  /** Its place in the spec's list. */
  at: number;
}

export type Overridden = { ok: true; objects: EncodedObject[] } | { ok: false; messages: string[] };

/** In order: a later patch sees what an earlier one made. One that means no object is a mistake. */
export function applyOverrides(
  objects: EncodedObject[],
  overrides: readonly MatchedOverride[],
  digestOf: DigestOf,
): Overridden {
  if (overrides.length === 0) return { ok: true, objects };
  const patched = [...objects];
  const messages: string[] = [];
  for (const { at, patches } of overrides) {
    for (const [number, patch] of patches.entries()) {
      const message = applyPatch(patched, patch, digestOf);
      if (message !== null) messages.push(`spec.overrides.${at}.patches.${number}: ${message}`);
    }
  }
  return messages.length > 0 ? { ok: false, messages } : { ok: true, objects: patched };
}

/** Null: done, in place. */
function applyPatch(
  objects: EncodedObject[],
  { target, patch }: ObjectPatch,
  digestOf: DigestOf,
): string | null {
  let isFound = false;
  for (const [at, object] of objects.entries()) {
    if (!isMeant(target, object.identity)) continue;
    isFound = true;
    const result = patchOne(object, patch, digestOf);
    if (!result.ok) return `${targetText(target)}: ${result.message}`;
    objects[at] = result.object;
  }
  return isFound ? null : `there is no ${targetText(target)} to patch`;
}

type PatchedOne = { ok: true; object: EncodedObject } | { ok: false; message: string };

function patchOne(
  { line, source }: EncodedObject,
  patch: ObjectPatch['patch'],
  digestOf: DigestOf,
): PatchedOne {
  const patched = patchObject(parseJson(line) as KubeObject, patch);
  if (!patched.ok) return patched;
  const { objects, errors } = validateManifest(patched.object, source);
  const [object] = objects;
  if (object === undefined) return { ok: false, message: errors[0]?.message ?? 'nothing is left of it' };
  const encoded = encodeObject(object, digestOf);
  return encoded.ok ? encoded : { ok: false, message: encoded.error.message };
}
