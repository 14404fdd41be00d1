/** managedFields read and written: one entry for each manager, operation, version and subresource. */
import type { Schema } from '../schema/schema.ts';
import type { KubeObject, ManagedFieldsEntry } from '../types.ts';
import {
  decodeFieldSet,
  difference,
  encodeFieldSet,
  isEqualSet,
  isEmptySet,
  pathsOf,
  setOfPaths,
  union,
  type FieldSet,
} from './fieldSet.ts';

export interface Manager {
  name: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  subresource: string;
  time: string | undefined;
  set: FieldSet;
}

/** By `managerId`. */
export type Managers = Map<string, Manager>;

/** Fields of every object that belong to the API server. */
const UNOWNED = setOfPaths(
  ['apiVersion'],
  ['kind'],
  ['metadata'],
  ...['name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'clusterName', 'generation'].map(
    (name) => ['metadata', name],
  ),
  ['metadata', 'managedFields'],
  ['metadata', 'resourceVersion'],
);
const UPDATE_MANAGERS_MAX = 10;

/** An applier is the same whatever version it applies in. */
export function managerId(
  manager: Pick<Manager, 'name' | 'operation' | 'apiVersion' | 'subresource'>,
): string {
  const { name, operation, apiVersion, subresource } = manager;
  return JSON.stringify([name, operation, operation === 'Apply' ? '' : apiVersion, subresource]);
}

export function decodeManagers(entries: readonly ManagedFieldsEntry[] | undefined): Managers {
  const managers: Managers = new Map();
  for (const entry of entries ?? []) {
    const manager: Manager = {
      name: entry.manager ?? '',
      operation: entry.operation ?? 'Update',
      apiVersion: entry.apiVersion ?? '',
      subresource: entry.subresource ?? '',
      time: entry.time,
      set: decodeFieldSet(entry.fieldsV1),
    };
    if (!isEmptySet(manager.set)) managers.set(managerId(manager), manager);
  }
  return managers;
}

/** In the order of the real API server: appliers first, then by time. */
export function encodeManagers(managers: Managers): ManagedFieldsEntry[] {
  const owners = [...managers.values()].filter(({ set }) => !isEmptySet(set));
  return owners.sort(byOperationAndTime).map((manager) => ({
    manager: manager.name,
    operation: manager.operation,
    apiVersion: manager.apiVersion,
    ...(manager.time === undefined ? {} : { time: manager.time }),
    fieldsType: 'FieldsV1',
    fieldsV1: encodeFieldSet(manager.set),
    ...(manager.subresource === '' ? {} : { subresource: manager.subresource }),
  }));
}

function byOperationAndTime(a: Manager, b: Manager): number {
  const keys = (manager: Manager) => [
    manager.operation,
    manager.time ?? '',
    manager.name,
    manager.apiVersion,
    manager.subresource,
  ];
  const [left, right] = [keys(a), keys(b)];
  const index = left.findIndex((key, position) => key !== right[position]);
  if (index < 0) return 0;
  return (left[index] ?? '') < (right[index] ?? '') ? -1 : 1;
}

export function withoutUnowned(set: FieldSet): FieldSet {
  return difference(set, UNOWNED);
}

/** What a write through this endpoint resets, so that nobody can own it there. */
export function resetFieldsOf(schema: Schema, subresource: string | undefined): FieldSet {
  const hasStatus =
    schema.kind === 'struct' &&
    schema.fields.has('status') &&
    (schema.typeName !== undefined || schema.statusSubresource === true);
  if (!hasStatus) return setOfPaths();
  if (subresource === undefined || subresource === '') return setOfPaths(['status']);
  if (subresource !== 'status') return setOfPaths();
  if (schema.typeName === undefined) return statusOnly(schema);
  if (schema.typeName.endsWith('.Deployment')) return setOfPaths(['spec'], ['metadata', 'labels']);
  return setOfPaths(['spec']);
}

/** `object` with the fields that a write through this endpoint does not change as they are in `live`. */
export function withoutReset(
  object: KubeObject,
  live: KubeObject,
  schema: Schema,
  subresource: string | undefined,
): KubeObject {
  const result: KubeObject = { ...object };
  for (const [first = '', second] of pathsOf(resetFieldsOf(schema, subresource))) {
    const name = first.slice(2);
    if (second !== undefined) result.metadata = withField(result.metadata, live.metadata, second.slice(2));
    else if (name !== 'metadata' && live[name] !== undefined) result[name] = live[name];
    else if (name !== 'metadata') delete result[name];
  }
  return result;
}

function withField<T extends object>(target: T, source: T, name: string): T {
  const { [name]: _own, ...rest } = target as Record<string, unknown>;
  const value = (source as Record<string, unknown>)[name];
  return (value === undefined ? rest : { ...rest, [name]: value }) as T;
}

/** The status of a custom resource changes nothing else. */
function statusOnly(schema: Schema): FieldSet {
  const names = schema.kind === 'struct' ? [...schema.fields.keys()] : [];
  return setOfPaths(...names.filter((name) => name !== 'status').map((name) => [name]));
}

/** Joins the oldest updaters, so that a crowd of them does not fill the object. */
export function capUpdaters(managers: Managers): void {
  const updaters = [...managers].filter(([, { operation }]) => operation === 'Update');
  let excess = updaters.length - UPDATE_MANAGERS_MAX;
  if (excess <= 0) return;
  updaters.sort(([, a], [, b]) => byOperationAndTime(a, b));
  const firstOfVersion = new Map<string, string>();
  for (const [id, manager] of updaters) {
    if (excess <= 0) return;
    const first = firstOfVersion.get(manager.apiVersion);
    if (first === undefined) {
      firstOfVersion.set(manager.apiVersion, id);
      continue;
    }
    const { apiVersion, time } = manager;
    const bucket = { name: 'ancient-changes', operation: 'Update' as const, apiVersion, subresource: '' };
    const bucketId = managerId(bucket);
    const joined = managers.get(bucketId) ?? managers.get(first);
    managers.delete(first);
    managers.delete(id);
    managers.set(bucketId, { ...bucket, time, set: union(joined?.set ?? manager.set, manager.set) });
    excess--;
  }
}

/** Equal apart from the times of their entries. */
export function isSameOwnership(a: Managers, b: Managers): boolean {
  return (
    a.size === b.size &&
    [...a].every(([id, manager]) => {
      const other = b.get(id);
      return other?.apiVersion === manager.apiVersion && isEqualSet(manager.set, other.set);
    })
  );
}

/** A copy without managedFields, and with metadata in any case. */
export function withoutManagedFields(object: KubeObject): KubeObject {
  const { managedFields: _managedFields, ...metadata } = object.metadata ?? {};
  return { ...object, metadata };
}

export function withManagers(object: KubeObject, managers: Managers): KubeObject {
  const managedFields = encodeManagers(managers);
  const { metadata } = withoutManagedFields(object);
  return { ...object, metadata: managedFields.length > 0 ? { ...metadata, managedFields } : metadata };
}
