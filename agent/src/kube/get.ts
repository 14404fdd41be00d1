/** One live object. */
import type { KubeObject } from '@flotilla/domain/object/types';
import type { KubeClient } from './client.ts';
import { isKubeError } from './error.ts';
import type { Resource } from './resource.ts';
import { objectPath } from './resource.ts';

export interface ObjectAddress {
  resource: Resource;
  namespace: string;
  name: string;
}

export interface CallOptions {
  impersonate?: string | undefined;
  signal?: AbortSignal | undefined;
  mayRetry?: (() => boolean) | undefined;
}

/** Null where there is none; other refusals reject with a KubeError. */
export async function getObject(
  kube: KubeClient,
  address: ObjectAddress,
  options: CallOptions = {},
): Promise<KubeObject | null> {
  const path = objectPath(address.resource, address.namespace, address.name);
  try {
    return (await kube.json({ method: 'GET', path, ...options })) as KubeObject;
  } catch (error) {
    if (isKubeError(error, 'NotFound')) return null;
    throw error;
  }
}
