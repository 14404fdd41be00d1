/** PersistentVolumeClaim. */
import type { KubeObject } from '../object/types.ts';
import type { Health } from '../status/words.ts';
import { verdict } from './condition.ts';
import { listAt, textAt } from './read.ts';

/**
 * `related`: the claim's StorageClass and the Pods of its namespace. A claim whose class binds only once a Pod uses it is
 * as it should be while none does; without the class in `related` it counts as still to be bound.
 */
export function persistentVolumeClaimHealth(object: KubeObject, related: readonly KubeObject[]): Health {
  switch (textAt(object, 'status', 'phase')) {
    case 'Bound':
      return verdict('Healthy');
    case 'Lost':
      return verdict('Degraded', 'the volume of this claim is lost');
    default:
      if (isAwaitingUse(object, related)) return verdict('Healthy', 'will be bound when a pod uses it');
      return verdict('Progressing', 'waiting for a volume');
  }
}

function isAwaitingUse(object: KubeObject, related: readonly KubeObject[]): boolean {
  const className = textAt(object, 'spec', 'storageClassName');
  const isLate = related.some(
    (other) =>
      other.kind === 'StorageClass' &&
      other.metadata.name === className &&
      textAt(other, 'volumeBindingMode') === 'WaitForFirstConsumer',
  );
  return isLate && !related.some((other) => other.kind === 'Pod' && uses(other, object));
}

function uses(pod: KubeObject, claim: KubeObject): boolean {
  if (textAt(pod, 'metadata', 'namespace') !== textAt(claim, 'metadata', 'namespace')) return false;
  return listAt(pod, 'spec', 'volumes').some(
    (volume) =>
      textAt(volume, 'persistentVolumeClaim', 'claimName') === claim.metadata.name ||
      // A generic ephemeral volume's claim is named after its pod and volume.
      ('ephemeral' in volume && `${pod.metadata.name}-${textAt(volume, 'name')}` === claim.metadata.name),
  );
}
