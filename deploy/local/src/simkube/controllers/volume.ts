/** Claims and volumes: a claim takes a volume that fits, or gets one made by the simulated storage class. */
import type { KubeObject } from '../types.ts';
import { statusWrites, withMetadata } from './objects.ts';
import { isoOf } from '../timestamp.ts';
import { event, planOf, type Plan, type Write } from './plan.ts';
import type { Pod } from './shapes.ts';

export const PROVISIONER = 'flotilla.dev/simulated';
const COMPONENT = 'persistentvolume-controller';
const CLAIM_FINALIZER = 'kubernetes.io/pvc-protection';
const VOLUME_FINALIZER = 'kubernetes.io/pv-protection';
const DEFAULT_CLASS = 'storageclass.kubernetes.io/is-default-class';
const UNITS: Record<string, number> = {
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

interface ClaimSpec {
  storageClassName?: string;
  volumeName?: string;
  accessModes?: string[];
  volumeMode?: string;
  resources?: { requests?: { storage?: string } };
}

interface VolumeSpec {
  storageClassName?: string;
  accessModes?: string[];
  capacity?: { storage?: string };
  volumeMode?: string;
  persistentVolumeReclaimPolicy?: string;
  claimRef?: { name?: string; namespace?: string; uid?: string };
}

export interface ClaimPlanSight {
  claim: KubeObject;
  /** Of its namespace. */
  pods: readonly Pod[];
  volumes: readonly KubeObject[];
  classes: readonly KubeObject[];
}

export function claimPlan({ claim, pods, volumes, classes }: ClaimPlanSight, nowMs: number): Plan {
  const spec = (claim['spec'] ?? {}) as ClaimSpec;
  const isUsed = pods.some((pod) => usesClaim(pod, claim.metadata.name ?? ''));
  if (claim.metadata.deletionTimestamp !== undefined)
    return planOf(isUsed ? [] : letGo(claim, CLAIM_FINALIZER));
  const bound = volumes.find(({ metadata }) => metadata.name === spec.volumeName);
  if (isBound(claim)) return planOf(bound === undefined ? lose(claim) : []);
  const volume = bound ?? volumes.find((one) => fits(one, claim, spec));
  if (volume !== undefined) return planOf(bind(claim, volume));
  if (spec.storageClassName === undefined) return planOf(withDefaultClass(claim, spec, classes));
  const className = spec.storageClassName;
  const storage = classes.find(({ metadata }) => metadata.name === className);
  if (storage === undefined) {
    if (className === '') return planOf(pending(claim, 'FailedBinding', NO_VOLUME));
    return planOf(
      pending(claim, 'ProvisioningFailed', `storageclass.storage.k8s.io "${className}" not found`, 'Warning'),
    );
  }
  if (storage['volumeBindingMode'] === 'WaitForFirstConsumer' && !isUsed)
    return planOf(
      pending(claim, 'WaitForFirstConsumer', 'waiting for first consumer to be created before binding'),
    );
  if (storage['provisioner'] !== PROVISIONER) return planOf([]);
  const made = provisioned(claim, spec, storage, nowMs);
  return planOf([{ do: 'create', object: made }]);
}

const NO_VOLUME = 'no persistent volumes available for this claim and no storage class is set';

export function usesClaim(pod: Pod, name: string): boolean {
  return (pod.spec.volumes ?? []).some(
    ({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === name,
  );
}

export function isBound(claim: KubeObject): boolean {
  return (claim['status'] as { phase?: string } | undefined)?.phase === 'Bound';
}

function withDefaultClass(claim: KubeObject, spec: ClaimSpec, classes: readonly KubeObject[]): Write[] {
  const standard = classes.find(({ metadata }) => metadata.annotations?.[DEFAULT_CLASS] === 'true');
  if (standard === undefined) return pending(claim, 'FailedBinding', NO_VOLUME);
  const changed = { ...claim, spec: { ...spec, storageClassName: standard.metadata.name ?? '' } };
  return [{ do: 'update', object: changed }];
}

function pending(
  claim: KubeObject,
  reason: string,
  message: string,
  type: 'Normal' | 'Warning' = 'Normal',
): Write[] {
  return [event(claim, COMPONENT, reason, message, type)];
}

function lose(claim: KubeObject): Write[] {
  const message = 'Bound claim has lost its PersistentVolume. Data on the volume is lost!';
  const status = { ...(claim['status'] as object), phase: 'Lost' };
  return [...statusWrites(claim, status), event(claim, COMPONENT, 'ClaimLost', message, 'Warning')];
}

function fits(volume: KubeObject, claim: KubeObject, spec: ClaimSpec): boolean {
  const own = (volume['spec'] ?? {}) as VolumeSpec;
  const { name, namespace, uid } = claim.metadata;
  if (volume.metadata.deletionTimestamp !== undefined) return false;
  if (spec.volumeName !== undefined && spec.volumeName !== '') return false;
  const reference = own.claimRef;
  const isReserved = reference?.name === name && reference?.namespace === namespace;
  if (reference !== undefined && (!isReserved || (reference.uid ?? uid) !== uid)) return false;
  if ((own.storageClassName ?? '') !== (spec.storageClassName ?? '')) return false;
  if ((own.volumeMode ?? 'Filesystem') !== (spec.volumeMode ?? 'Filesystem')) return false;
  const modes = own.accessModes ?? [];
  if (!(spec.accessModes ?? []).every((mode) => modes.includes(mode))) return false;
  return bytesOf(own.capacity?.storage) >= bytesOf(spec.resources?.requests?.storage);
}

function bytesOf(quantity = '0'): number {
  const [, number = '0', unit = ''] = /^([\d.]+)(\w*)$/.exec(quantity) ?? [];
  return Number(number) * (UNITS[unit] ?? 1);
}

function bind(claim: KubeObject, volume: KubeObject): Write[] {
  const spec = (volume['spec'] ?? {}) as VolumeSpec;
  const bound = { 'pv.kubernetes.io/bound-by-controller': 'yes' };
  const writes: Write[] = [];
  if (spec.claimRef?.uid === undefined) {
    const { apiVersion, kind, metadata } = claim;
    const { name, namespace, uid, resourceVersion } = metadata;
    const claimRef = { apiVersion, kind, name, namespace, uid, resourceVersion };
    const annotations = { ...volume.metadata.annotations, ...bound };
    writes.push({
      do: 'update',
      object: { ...withMetadata(volume, { annotations }), spec: { ...spec, claimRef } },
    });
  }
  const annotations = { ...claim.metadata.annotations, 'pv.kubernetes.io/bind-completed': 'yes', ...bound };
  const own = claim['spec'] as ClaimSpec;
  const finalizers = [...new Set([...(claim.metadata.finalizers ?? []), CLAIM_FINALIZER])];
  const changed = {
    ...withMetadata(claim, { annotations, finalizers }),
    spec: { ...own, volumeName: volume.metadata.name ?? '' },
  };
  writes.push({ do: 'update', object: changed });
  const status = { accessModes: spec.accessModes ?? [], capacity: spec.capacity ?? {}, phase: 'Bound' };
  return [...writes, ...statusWrites(changed, status)];
}

function provisioned(claim: KubeObject, spec: ClaimSpec, storage: KubeObject, nowMs: number): KubeObject {
  const { name, namespace, uid = '' } = claim.metadata;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: {
      name: `pvc-${uid}`,
      annotations: {
        'pv.kubernetes.io/provisioned-by': PROVISIONER,
        'flotilla.dev/provisioned-at': isoOf(nowMs),
      },
      finalizers: [VOLUME_FINALIZER],
    },
    spec: {
      accessModes: spec.accessModes ?? ['ReadWriteOnce'],
      capacity: { storage: spec.resources?.requests?.storage ?? '1Gi' },
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid },
      hostPath: { path: `/simulated/${uid}`, type: '' },
      persistentVolumeReclaimPolicy: (storage['reclaimPolicy'] as string | undefined) ?? 'Delete',
      storageClassName: storage.metadata.name ?? '',
      volumeMode: spec.volumeMode ?? 'Filesystem',
    },
  };
}

/** A volume follows its claim: bound to it, released when it is gone, deleted then if that is its policy. */
export function volumePlan(volume: KubeObject, claim: KubeObject | undefined, nowMs: number): Plan {
  const spec = (volume['spec'] ?? {}) as VolumeSpec;
  const uid = spec.claimRef?.uid;
  const isHeld = claim !== undefined && (uid === undefined || claim.metadata.uid === uid);
  if (volume.metadata.deletionTimestamp !== undefined)
    return planOf(isHeld ? [] : letGo(volume, VOLUME_FINALIZER));
  const phase = phaseOf(uid !== undefined, isHeld);
  const status = (volume['status'] ?? {}) as { phase?: string };
  if (phase === 'Released' && spec.persistentVolumeReclaimPolicy === 'Delete')
    return planOf([{ do: 'delete', object: volume }]);
  if (status.phase === phase) return planOf([]);
  return planOf(statusWrites(volume, { ...status, phase, lastPhaseTransitionTime: isoOf(nowMs) }));
}

function phaseOf(isClaimed: boolean, isHeld: boolean): string {
  if (!isClaimed) return 'Available';
  return isHeld ? 'Bound' : 'Released';
}

function letGo(object: KubeObject, finalizer: string): Write[] {
  const finalizers = (object.metadata.finalizers ?? []).filter((one) => one !== finalizer);
  if (finalizers.length === (object.metadata.finalizers ?? []).length) return [];
  return [{ do: 'update', object: withMetadata(object, { finalizers }) }];
}
