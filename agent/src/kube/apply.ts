/**
 * Server-side apply. Repeating one is harmless: the server's object is the same afterwards, and an unchanged one keeps
 * its resourceVersion.
 */
import type { KubeObject } from '@flotilla/domain/object/types';
import type { KubeClient } from './client.ts';
import type { CallOptions, ObjectAddress } from './get.ts';
import { objectPath } from './resource.ts';

export const fieldManager = 'flotilla';

export interface ApplyOptions extends CallOptions {
  /** Ask what would be, change nothing. */
  dryRun?: boolean;
  /** False: a field that another manager owns is a Conflict instead of being taken. Default true. */
  force?: boolean;
}

/** Applies a whole manifest as JSON text (which is YAML) and returns the object as the server now holds it. */
export async function applyObject(
  kube: KubeClient,
  address: ObjectAddress,
  manifest: string,
  options: ApplyOptions = {},
): Promise<KubeObject> {
  const dryRun = options.dryRun ? '&dryRun=All' : '';
  const path = `${objectPath(address.resource, address.namespace, address.name)}?fieldManager=${fieldManager}&force=${options.force ?? true}${dryRun}`;
  return (await kube.json({
    method: 'PATCH',
    path,
    body: manifest,
    contentType: 'application/apply-patch+yaml',
    impersonate: options.impersonate,
    signal: options.signal,
    mayRetry: options.mayRetry,
  })) as KubeObject;
}
