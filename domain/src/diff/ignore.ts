/**
 * `ignoreDifferences`: ignored fields are stripped from what we apply when another manager owns them; where we are the only
 * owner the live value is kept, and the PATCH carries live's resourceVersion, so that it cannot race an autoscaler.
 */
import type { IgnoreRule } from '../desired/entry.ts';
import { isMap } from '../object/metadata.ts';
import type { Json, KubeObject } from '../object/types.ts';
import { fieldManager } from './fieldManager.ts';
import { ignoredManagers, ignoredPlaces } from './ignorePaths.ts';
import { leafPaths, managedEntries, type ManagedEntry } from './managedFields.ts';
import { keysOfPath, ownsPlace, placeInLive } from './places.ts';
import { formatPointer, getAt, setAt } from './pointer.ts';

export interface IgnoreResult {
  /** What to apply. */
  object: KubeObject;
  /** JSON pointers left out. */
  stripped: string[];
  /** JSON pointers whose live value was copied; when not empty, `object` carries live's resourceVersion. */
  kept: string[];
}

/** A first write (`live` null) applies everything: there is nothing to respect yet. */
export function applyIgnoreRules(input: {
  desired: KubeObject;
  live: KubeObject | null;
  rules: IgnoreRule[];
}): IgnoreResult {
  const { desired, live, rules } = input;
  if (live === null || rules.length === 0) return { object: desired, stripped: [], kept: [] };
  const entries = managedEntries(live);
  const decided = [
    ...ignoredPlaces(desired, rules).flatMap((keys) => decide(desired, live, keys, entries)),
    ...managerPlaces(desired, live, rules, entries),
  ];
  return carryOut(desired, live, decided);
}

type Decision = { keys: string[] } & ({ action: 'strip' } | { action: 'keep'; value: Json });

/** Maps are decided field by field, since each may have another owner; a map without a field left goes as a whole. */
function decide(desired: KubeObject, live: KubeObject, keys: string[], entries: ManagedEntry[]): Decision[] {
  const value = getAt(desired, keys);
  if (isMap(value) && Object.keys(value).length > 0) {
    const inner = Object.keys(value).flatMap((key) => decide(desired, live, [...keys, key], entries));
    const allGo = inner.every((decision) => decision.action === 'strip');
    return allGo ? [{ keys, action: 'strip' }] : inner;
  }
  const place = placeInLive(desired, live, keys, entries);
  const liveValue = place === null ? undefined : getAt(live, place);
  if (place === null || liveValue === undefined) return [{ keys, action: 'strip' }];
  const others = entries.filter((entry) => entry.manager !== fieldManager);
  const isTheirs = others.some((entry) => ownsPlace(entry.fields, live, place));
  return isTheirs ? [{ keys, action: 'strip' }] : [{ keys, action: 'keep', value: liveValue }];
}

/** What the named managers own is theirs, wherever it is. */
function managerPlaces(
  desired: KubeObject,
  live: KubeObject,
  rules: IgnoreRule[],
  entries: ManagedEntry[],
): Decision[] {
  const managers = new Set(ignoredManagers(live, rules));
  return entries
    .filter((entry) => managers.has(entry.manager) && entry.manager !== fieldManager)
    .flatMap((entry) => leafPaths(entry.fields))
    .filter((path) => path.at(-1)?.type === 'field')
    .map((path) => keysOfPath(desired, path))
    .filter((keys) => keys !== null)
    .map((keys) => ({ keys, action: 'strip' }));
}

/** Without these there is no object to apply: a rule never touches them. */
const identityPointers = new Set([
  '/apiVersion',
  '/kind',
  '/metadata',
  '/metadata/name',
  '/metadata/namespace',
]);

/** Removals run from the back, so that indexes of lists stay true. */
function carryOut(desired: KubeObject, live: KubeObject, decided: Decision[]): IgnoreResult {
  const byPointer = new Map(decided.map((decision) => [formatPointer(decision.keys), decision]));
  for (const pointer of identityPointers) byPointer.delete(pointer);
  let object: Json = desired;
  for (const decision of [...byPointer.values()].sort((a, b) => compareKeys(b.keys, a.keys))) {
    object = setAt(object, decision.keys, decision.action === 'keep' ? decision.value : undefined);
  }
  const pointers = (action: Decision['action']) =>
    [...byPointer].filter(([, decision]) => decision.action === action).map(([pointer]) => pointer);
  const kept = pointers('keep');
  if (kept.length > 0) object = withResourceVersion(object as KubeObject, live);
  return { object: object as KubeObject, stripped: pointers('strip').sort(), kept: kept.sort() };
}

function compareKeys(a: readonly string[], b: readonly string[]): number {
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    const [left = '', right = ''] = [a[index], b[index]];
    if (left === right) continue;
    return left.localeCompare(right, 'en', { numeric: true });
  }
  return a.length - b.length;
}

function withResourceVersion(object: KubeObject, live: KubeObject): KubeObject {
  const resourceVersion = live.metadata['resourceVersion'];
  if (typeof resourceVersion !== 'string') return object;
  return { ...object, metadata: { ...object.metadata, resourceVersion } };
}
