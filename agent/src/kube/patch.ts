/** A JSON merge patch that means one object only: another one of the same name answers with Conflict. */
import type { JsonMap } from '@flotilla/domain/object/types';
import type { KubeClient } from './client.ts';
import type { CallOptions, ObjectAddress } from './get.ts';
import { objectPath } from './resource.ts';

export async function mergePatchMetadata(
  kube: KubeClient,
  address: ObjectAddress,
  uid: string,
  metadata: JsonMap,
  options: CallOptions = {},
): Promise<void> {
  await kube.send({
    method: 'PATCH',
    path: `${objectPath(address.resource, address.namespace, address.name)}?fieldManager=flotilla-agent`,
    contentType: 'application/merge-patch+json',
    body: JSON.stringify({ metadata: { ...metadata, uid } }),
    ...options,
  });
}
