/** Plain creation and replacement, for the agent's own bookkeeping objects: both are guarded by the server. */
import type { KubeObject } from '@flotilla/domain/object/types';
import type { KubeClient } from './client.ts';
import type { CallOptions } from './get.ts';
import { collectionPath, objectPath } from './resource.ts';
import type { Resource } from './resource.ts';

/** Rejects with AlreadyExists where the name is taken. */
export async function createObject(
  kube: KubeClient,
  resource: Resource,
  object: KubeObject,
  options: CallOptions = {},
): Promise<KubeObject> {
  const path = `${collectionPath(resource, namespaceOf(object))}?fieldManager=flotilla-agent`;
  return (await kube.json({ method: 'POST', path, body: JSON.stringify(object), ...options })) as KubeObject;
}

/** Compare-and-swap: `metadata.resourceVersion` must be the one that was read, else Conflict. */
export async function replaceObject(
  kube: KubeClient,
  resource: Resource,
  object: KubeObject,
  options: CallOptions = {},
): Promise<KubeObject> {
  const path = `${objectPath(resource, namespaceOf(object), object.metadata.name)}?fieldManager=flotilla-agent`;
  return (await kube.json({ method: 'PUT', path, body: JSON.stringify(object), ...options })) as KubeObject;
}

function namespaceOf(object: KubeObject): string {
  return typeof object.metadata['namespace'] === 'string' ? object.metadata['namespace'] : '';
}
