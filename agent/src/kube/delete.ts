/**
 * The only DELETE of the agent. It always names the UID it means: an object that was made again under the same name by
 * somebody else survives.
 */
import type { KubeClient } from './client.ts';
import { isKubeError } from './error.ts';
import type { CallOptions, ObjectAddress } from './get.ts';
import { objectPath } from './resource.ts';

export type Propagation = 'foreground' | 'background' | 'orphan';

/** `Replaced`: the name now belongs to another object, which was left alone. */
export type DeleteOutcome = 'Accepted' | 'Gone' | 'Replaced';

const policies: Record<Propagation, string> = {
  foreground: 'Foreground',
  background: 'Background',
  orphan: 'Orphan',
};

export async function deleteObject(
  kube: KubeClient,
  address: ObjectAddress,
  uid: string,
  propagation: Propagation,
  options: CallOptions = {},
): Promise<DeleteOutcome> {
  const body = {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    propagationPolicy: policies[propagation],
    preconditions: { uid },
  };
  try {
    const path = objectPath(address.resource, address.namespace, address.name);
    await kube.send({ method: 'DELETE', path, body: JSON.stringify(body), ...options });
    return 'Accepted';
  } catch (error) {
    if (isKubeError(error, 'NotFound')) return 'Gone';
    if (isKubeError(error, 'Conflict')) return 'Replaced';
    throw error;
  }
}
