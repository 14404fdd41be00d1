/**
 * Taking back fields that another tool once set on our behalf. Server-side apply removes a field only from its own
 * entry in managedFields: what `kubectl apply` or `kubectl edit` had set would stay live for ever after it left Git. So
 * their entries are handed to our manager before the first apply; the apply that follows then owns, and removes, them.
 */
import type { Json, JsonMap, KubeObject } from '@flotilla/domain/object/types';
import { fieldManager } from './apply.ts';
import type { KubeClient } from './client.ts';
import type { CallOptions, ObjectAddress } from './get.ts';
import { apiVersionOf, objectPath } from './resource.ts';

/** Managers that were a person writing what is now in Git. */
const formerManagers = new Set([
  'kubectl-client-side-apply',
  'kubectl-edit',
  'kubectl-create',
  'before-first-apply',
]);

/** Managers of the tools that an application is migrated from; theirs are taken only with `adopt`. */
const migratedManagers = new Set(['argocd-controller', 'helm', 'helm-controller', 'kustomize-controller']);

interface ManagedFieldsEntry {
  manager?: string;
  operation?: string;
  subresource?: string;
  apiVersion?: string;
  fieldsV1?: JsonMap;
  [key: string]: unknown;
}

/** True when the object has fields to take back. */
export function hasFormerOwner(live: KubeObject, adopt: boolean): boolean {
  return entriesOf(live).some((entry) => isFormer(entry, adopt));
}

/** Hands the entries over, guarded by the resourceVersion; a Conflict means: read again. */
export async function takeBackOwnership(
  kube: KubeClient,
  address: ObjectAddress,
  live: KubeObject,
  adopt: boolean,
  options: CallOptions = {},
): Promise<void> {
  const resourceVersion = live.metadata['resourceVersion'] as string;
  const managedFields = migrate(entriesOf(live), apiVersionOf(address.resource), adopt) as unknown as Json;
  await kube.send({
    method: 'PATCH',
    path: `${objectPath(address.resource, address.namespace, address.name)}?fieldManager=${fieldManager}`,
    contentType: 'application/json-patch+json',
    body: JSON.stringify([
      { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
      { op: 'replace', path: '/metadata/managedFields', value: managedFields },
    ]),
    ...options,
  });
}

function entriesOf(live: KubeObject): ManagedFieldsEntry[] {
  return (live.metadata['managedFields'] ?? []) as ManagedFieldsEntry[];
}

export function isFormer(entry: { manager?: string; subresource?: string }, adopt: boolean): boolean {
  const manager = entry.manager ?? '';
  if ((entry.subresource ?? '') !== '') return false;
  return formerManagers.has(manager) || (adopt && migratedManagers.has(manager));
}

/** All former entries merged into our Apply entry; the rest as they were. */
function migrate(entries: ManagedFieldsEntry[], apiVersion: string, adopt: boolean): ManagedFieldsEntry[] {
  const isOurs = (entry: ManagedFieldsEntry): boolean =>
    entry.manager === fieldManager && entry.operation === 'Apply' && (entry.subresource ?? '') === '';
  const ours = entries.find(isOurs) ?? {
    manager: fieldManager,
    operation: 'Apply',
    apiVersion,
    fieldsType: 'FieldsV1',
  };
  const fields = entries
    .filter((entry) => isFormer(entry, adopt) || isOurs(entry))
    .map((entry) => entry.fieldsV1 ?? {});
  const rest = entries.filter((entry) => !isFormer(entry, adopt) && !isOurs(entry));
  return [...rest, { ...ours, fieldsV1: fields.reduce(union, {}) }];
}

function union(left: JsonMap, right: JsonMap): JsonMap {
  const merged: JsonMap = { ...left };
  for (const [key, value] of Object.entries(right)) {
    const mine = merged[key];
    merged[key] = isMap(mine) && isMap(value) ? union(mine, value) : value;
  }
  return merged;
}

function isMap(value: Json | undefined): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
