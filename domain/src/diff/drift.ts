/**
 * Drift is a change of a field that we applied. Decided on the paths our field manager owned after our last write, against
 * the server's answer to it: what the server defaulted, converted or others own is none.
 */
import { canonicalText } from '../bundle/canonical.ts';
import type { IgnoreRule } from '../desired/entry.ts';
import { digestOfText, type Digest, type Sha256 } from '../digest/sha256.ts';
import { compareText } from '../object/identity.ts';
import { isMap } from '../object/metadata.ts';
import type { Json, KubeObject } from '../object/types.ts';
import type { DriftField } from '../status/observed.ts';
import { withoutBookkeeping } from './bookkeeping.ts';
import { fieldManager } from './fieldManager.ts';
import { ignoredManagers, ignoredPlaces } from './ignorePaths.ts';
import { jsonEqual, jsonPatch, type PatchOperation } from './jsonPatch.ts';
import {
  formatPath,
  leafPaths,
  managedEntries,
  newestFirst,
  ownersOfPath,
  ownsPath,
  valueAt,
  type FieldPath,
  type ManagedEntry,
} from './managedFields.ts';
import { keysOfPath } from './places.ts';

export { fieldManager } from './fieldManager.ts';

/** What our last write left behind, small enough to keep for every object. */
export interface WrittenMeta {
  uid: string;
  /** Null for kinds without one (ConfigMap, Secret). */
  generation: number | null;
  /** Over labels, annotations and our managedFields entry. */
  meta: Digest;
}

/**
 * From the server's answer to our PATCH, or from a watch event (PartialObjectMetadata is enough). After an inspection that
 * found no drift, the live object's meta takes its place, so that the same change is not looked at twice.
 */
export function writtenMeta(object: KubeObject, sha256: Sha256): WrittenMeta {
  const { uid, generation, labels, annotations, managedFields } = object.metadata;
  const own = Array.isArray(managedFields) ? managedFields.filter(isMap).find(isOwnRaw) : undefined;
  const meta = canonicalText([labels ?? null, annotations ?? null, own?.['fieldsV1'] ?? null]);
  return {
    uid: typeof uid === 'string' ? uid : '',
    generation: typeof generation === 'number' ? generation : null,
    meta: digestOfText(sha256, meta),
  };
}

function isOwnRaw(entry: { [key: string]: Json }): boolean {
  return entry['manager'] === fieldManager && entry['operation'] === 'Apply' && !entry['subresource'];
}

function isOwn(entry: ManagedEntry): boolean {
  return entry.manager === fieldManager && entry.operation === 'Apply' && entry.subresource === '';
}

/** `unchanged`: no spec drift. `inspect`: GET and compare. `recreated`: another uid under this name. `deleting`: going away. */
export type WatchVerdict = 'unchanged' | 'inspect' | 'recreated' | 'deleting';

/**
 * Who changes a field that we own takes it from our managedFields entry, also where the kind has no generation: an
 * unchanged entry, generation, labels and annotations mean that nothing we applied was touched.
 */
export function judgeWatchEvent(lastWritten: WrittenMeta, live: KubeObject, sha256: Sha256): WatchVerdict {
  const now = writtenMeta(live, sha256);
  if (now.uid !== lastWritten.uid) return 'recreated';
  if (typeof live.metadata['deletionTimestamp'] === 'string') return 'deleting';
  const same = now.generation === lastWritten.generation && now.meta === lastWritten.meta;
  return same ? 'unchanged' : 'inspect';
}

/** `applied` is the server's answer to our last PATCH. Empty: no drift. Sorted by path. */
export function driftOf(input: {
  applied: KubeObject;
  live: KubeObject;
  ignore: IgnoreRule[];
}): DriftField[] {
  const { applied, live, ignore } = input;
  const own = managedEntries(applied).find(isOwn);
  if (!own) return [];
  const liveEntries = managedEntries(live);
  const changed = new Map<string, FieldPath>();
  for (const path of leafPaths(own.fields)) {
    const differing = differsAt(applied, live, path, liveEntries);
    if (differing) changed.set(formatPath(differing), differing);
  }
  const isIgnored = ignoring(applied, live, ignore);
  return [...changed]
    .map(([text, path]) => ({ path: text, at: path, ...whoChanged(path, liveEntries, own.time) }))
    .filter((field) => !isIgnored(field.at, field.manager))
    .map(({ path, manager, time }) => ({ path, manager, time }))
    .sort((a, b) => compareText(a.path, b.path));
}

/** The path that differs: the leaf, or the first of its parents that is gone. Null: no drift there. */
function differsAt(
  applied: KubeObject,
  live: KubeObject,
  path: FieldPath,
  liveEntries: ManagedEntry[],
): FieldPath | null {
  const before = valueAt(applied, path);
  if (before === undefined) return null;
  const after = valueAt(live, path);
  if (after === undefined) return firstMissing(live, path);
  if (jsonEqual(before, after)) return null;
  // An empty map or list that we still own: others filled in fields of their own, ours is untouched.
  const isContainer = typeof after === 'object' && after !== null;
  return isContainer && liveEntries.some((entry) => isOwn(entry) && ownsPath(entry.fields, path))
    ? null
    : path;
}

function firstMissing(live: KubeObject, path: FieldPath): FieldPath {
  for (let length = 1; length < path.length; length++) {
    if (valueAt(live, path.slice(0, length)) === undefined) return path.slice(0, length);
  }
  return path;
}

/** The newest other owner; of a removed field nobody is, so whoever wrote last since our own write is named. */
function whoChanged(
  path: FieldPath,
  entries: ManagedEntry[],
  since: string,
): { manager: string; time: string } {
  const others = entries.filter((entry) => !isOwn(entry) && entry.subresource !== 'status');
  const [owner] = ownersOfPath(others, path);
  const [writer] = newestFirst(others.filter((entry) => entry.time !== '' && entry.time >= since));
  const who = owner ?? writer;
  return { manager: who?.manager ?? '', time: who?.time ?? '' };
}

function ignoring(
  applied: KubeObject,
  live: KubeObject,
  rules: IgnoreRule[],
): (path: FieldPath, manager: string) => boolean {
  const places = [...ignoredPlaces(applied, rules), ...ignoredPlaces(live, rules)];
  const managers = new Set(ignoredManagers(live, rules));
  return (path, manager) => {
    if (managers.has(manager)) return true;
    const keys = keysOfPath(applied, path);
    return keys !== null && places.some((place) => place.every((key, index) => key === keys[index]));
  };
}

/** Where that answer is lost: the answer of a dry-run PATCH against live. Empty: no drift. */
export function driftByDryRun(input: { dryRun: KubeObject; live: KubeObject }): {
  patch: PatchOperation[];
  fields: DriftField[];
} {
  const { dryRun, live } = input;
  const patch = jsonPatch(withoutBookkeeping(live), withoutBookkeeping(dryRun));
  return { patch, fields: patch.length === 0 ? [] : driftOf({ applied: dryRun, live, ignore: [] }) };
}
