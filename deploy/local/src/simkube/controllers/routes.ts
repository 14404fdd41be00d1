/** Which controllers look again after a change: those of the object, of its owners, and of what refers to it. */
import { tableOf } from '../server/clusterState.ts';
import type { ObjectEvent } from '../server/store.ts';
import { FOREGROUND, ORPHAN } from './garbage.ts';
import { ROOT_CA } from './namespace.ts';
import { selects } from './objects.ts';
import { reconcilers } from './reconcilers.ts';
import type { LabelSelector, Pod } from './shapes.ts';
import type { Sight } from './sight.ts';
import { usesClaim } from './volume.ts';
import type { KubeObject } from '../types.ts';

export interface WorkKey {
  controller: 'kind' | 'garbage';
  table: string;
  namespace: string;
  name: string;
}

export function keysAfter(event: ObjectEvent, sight: Sight): WorkKey[] {
  const { type, object, before } = event;
  const table = tableOf(event.resource);
  const keys: WorkKey[] = [];
  if (type !== 'DELETED' && table in reconcilers) keys.push(workOn(table, object));
  keys.push(...garbageKeys(event, table, sight));
  for (const owner of [...ownersOf(object, sight), ...(before === null ? [] : ownersOf(before, sight))])
    keys.push(workOn(owner.table, owner.object));
  keys.push(...namespaceKeys(event, table, sight), ...storageKeys(event, table, sight));
  if (table === '/pods') keys.push(...podKeys(object as Pod, sight));
  return keys;
}

export function workOn(
  table: string,
  { metadata }: KubeObject,
  controller: WorkKey['controller'] = 'kind',
): WorkKey {
  return { controller, table, namespace: metadata.namespace ?? '', name: metadata.name ?? '' };
}

function garbageKeys({ type, object, before }: ObjectEvent, table: string, sight: Sight): WorkKey[] {
  const { deletionTimestamp, finalizers = [], ownerReferences = [], uid } = object.metadata;
  const keys: WorkKey[] = [];
  const dependents = (): WorkKey[] =>
    sight.dependents(uid).map((one) => workOn(one.table, one.object, 'garbage'));
  if (type === 'DELETED') keys.push(...dependents());
  else if (
    deletionTimestamp !== undefined &&
    (finalizers.includes(FOREGROUND) || finalizers.includes(ORPHAN))
  ) {
    keys.push(workOn(table, object, 'garbage'));
    if (before?.metadata.deletionTimestamp === undefined) keys.push(...dependents());
  } else if (ownerReferences.length > 0) keys.push(workOn(table, object, 'garbage'));
  // An owner that waits for its dependents looks again when one of them changes or goes.
  for (const reference of before?.metadata.ownerReferences ?? []) {
    const owner = sight.ownerOf(reference, object.metadata.namespace ?? '');
    if (owner === undefined || owner === 'unknown' || owner.metadata.deletionTimestamp === undefined)
      continue;
    const resource = sight.store.resourceOfKind(reference.apiVersion, reference.kind);
    if (resource !== undefined) keys.push(workOn(tableOf(resource), owner, 'garbage'));
  }
  return keys;
}

function ownersOf(object: KubeObject, sight: Sight): { table: string; object: KubeObject }[] {
  return (object.metadata.ownerReferences ?? []).flatMap((reference) => {
    const resource = sight.store.resourceOfKind(reference.apiVersion, reference.kind);
    if (resource === undefined || !(tableOf(resource) in reconcilers)) return [];
    const owner = sight.ownerOf(reference, object.metadata.namespace ?? '');
    return owner === undefined || owner === 'unknown' ? [] : [{ table: tableOf(resource), object: owner }];
  });
}

/** A namespace looks again when it loses what each has, or, while it terminates, anything. */
function namespaceKeys({ type, object }: ObjectEvent, table: string, sight: Sight): WorkKey[] {
  const { namespace = '', name, deletionTimestamp } = object.metadata;
  if (namespace === '') return [];
  const isFurniture =
    (table === '/configmaps' && name === ROOT_CA) || (table === '/serviceaccounts' && name === 'default');
  if (!isFurniture && type !== 'DELETED' && deletionTimestamp === undefined) return [];
  const own = sight.get('/namespaces', '', namespace);
  if (own === undefined || (!isFurniture && own.metadata.deletionTimestamp === undefined)) return [];
  return [workOn('/namespaces', own)];
}

function podKeys(pod: Pod, sight: Sight): WorkKey[] {
  const { namespace = '', labels } = pod.metadata;
  const services = sight.in('/services', namespace).filter((service) => {
    const { selector } = (service['spec'] ?? {}) as { selector?: Record<string, string> };
    return selector !== undefined && selects({ matchLabels: selector }, labels);
  });
  const budgets = sight.in('policy/poddisruptionbudgets', namespace).filter((budget) => {
    const { selector } = (budget['spec'] ?? {}) as { selector?: LabelSelector };
    return selects(selector, labels);
  });
  const claims = (pod.spec.volumes ?? []).flatMap(({ persistentVolumeClaim }) => {
    const claim =
      persistentVolumeClaim &&
      sight.get('/persistentvolumeclaims', namespace, persistentVolumeClaim.claimName);
    return claim === undefined ? [] : [workOn('/persistentvolumeclaims', claim)];
  });
  return [
    ...services.map((service) => workOn('/services', service)),
    ...budgets.map((budget) => workOn('policy/poddisruptionbudgets', budget)),
    ...claims,
  ];
}

function storageKeys({ object }: ObjectEvent, table: string, sight: Sight): WorkKey[] {
  if (table === '/persistentvolumeclaims') {
    const { namespace = '', name = '' } = object.metadata;
    const pods = sight.in<Pod>('/pods', namespace).filter((pod) => usesClaim(pod, name));
    const volume = (object['spec'] as { volumeName?: string } | undefined)?.volumeName;
    const bound = volume === undefined ? undefined : sight.get('/persistentvolumes', '', volume);
    return [
      ...pods.map((pod) => workOn('/pods', pod)),
      ...(bound === undefined ? [] : [workOn('/persistentvolumes', bound)]),
    ];
  }
  if (table !== '/persistentvolumes' && table !== 'storage.k8s.io/storageclasses') return [];
  return sight
    .all('/persistentvolumeclaims')
    .filter(
      (claim) =>
        table === '/persistentvolumes' || (claim['status'] as { phase?: string })?.phase === 'Pending',
    )
    .map((claim) => workOn('/persistentvolumeclaims', claim));
}
