/** What a DELETE does to an object: it goes at once, or is marked and waits for its finalizers, content or kubelet. */
import type { KubeObject, ResourceType } from '../types.ts';
import { isoOf } from '../timestamp.ts';
import type { DeleteOptions } from './store.ts';

export type Deletion = { remove: boolean; object: KubeObject };

const podGraceSeconds = 30;

export function deletionOf(
  resource: ResourceType,
  object: KubeObject,
  options: DeleteOptions,
  now: string,
): Deletion {
  const finalizers = finalizersAfter(object.metadata.finalizers ?? [], options.propagation);
  const graceSeconds = graceOf(resource, object, options);
  const held = isHeld(resource, object) || finalizers.length > 0 || graceSeconds > 0;
  if (!held) return { remove: true, object };
  const { deletionTimestamp } = object.metadata;
  const metadata = {
    ...object.metadata,
    ...(finalizers.length > 0 ? { finalizers } : {}),
    deletionTimestamp: deletionTimestamp ?? later(now, graceSeconds),
    deletionGracePeriodSeconds: Math.min(
      graceSeconds,
      object.metadata.deletionGracePeriodSeconds ?? graceSeconds,
    ),
  };
  if (finalizers.length === 0) delete metadata.finalizers;
  if (metadata.generation !== undefined && deletionTimestamp === undefined) metadata.generation += 1;
  const marked: KubeObject = { ...object, metadata };
  if (isNamespace(resource)) marked['status'] = { ...(object['status'] as object), phase: 'Terminating' };
  return { remove: false, object: marked };
}

function finalizersAfter(finalizers: string[], propagation: DeleteOptions['propagation']): string[] {
  const others = finalizers.filter((name) => name !== 'foregroundDeletion' && name !== 'orphan');
  if (propagation === 'Foreground') return [...others, 'foregroundDeletion'];
  if (propagation === 'Orphan') return [...others, 'orphan'];
  return propagation === 'Background' ? others : finalizers;
}

/** A namespace waits for its content, a CRD for its objects. */
function isHeld(resource: ResourceType, object: KubeObject): boolean {
  if (!isNamespace(resource)) return false;
  return ((object['spec'] as { finalizers?: string[] } | undefined)?.finalizers ?? []).length > 0;
}

function graceOf(resource: ResourceType, object: KubeObject, options: DeleteOptions): number {
  if (resource.group !== '' || resource.plural !== 'pods') return 0;
  const spec = object['spec'] as { nodeName?: string; terminationGracePeriodSeconds?: number } | undefined;
  if (!spec?.nodeName || isOver(object)) return 0;
  return options.gracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? podGraceSeconds;
}

function isOver(pod: KubeObject): boolean {
  const phase = (pod['status'] as { phase?: string } | undefined)?.phase;
  return phase === 'Succeeded' || phase === 'Failed';
}

function isNamespace(resource: ResourceType): boolean {
  return resource.group === '' && resource.plural === 'namespaces';
}

function later(now: string, seconds: number): string {
  return isoOf(Date.parse(now) + seconds * 1_000);
}
