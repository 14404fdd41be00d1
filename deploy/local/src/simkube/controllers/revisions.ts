/** ControllerRevisions of StatefulSets and DaemonSets: one per template, numbered, with a bounded history. */
import type { KubeObject } from '../types.ts';
import { canonical, shortHash } from '../hash.ts';
import { ownerReferenceTo, withMetadata } from './objects.ts';
import type { Write } from './plan.ts';
import type { ControllerRevision, PodTemplate } from './shapes.ts';

export interface Revision {
  name: string;
  hash: string;
  writes: Write[];
}

export function revisionOf(
  owner: KubeObject & { spec: { template: PodTemplate; revisionHistoryLimit?: number } },
  revisions: readonly ControllerRevision[],
  inUse: readonly string[],
): Revision {
  const data = { spec: { template: { ...owner.spec.template, $patch: 'replace' } } };
  const text = canonical(data);
  const sorted = revisions.toSorted((a, b) => a.revision - b.revision);
  const same = sorted.findLast((revision) => canonical(revision.data) === text);
  const newest = sorted.at(-1);
  const number = (newest?.revision ?? 0) + 1;
  const hash = same?.metadata.labels?.['controller.kubernetes.io/hash'] ?? shortHash(data);
  const name = same?.metadata.name ?? `${owner.metadata.name ?? ''}-${hash}`;
  const writes: Write[] = history(owner, sorted, [...inUse, name]);
  if (same === undefined) writes.push({ do: 'create', object: revision(owner, name, hash, data, number) });
  // A template that comes back is the newest revision again.
  else if (same !== newest)
    writes.push({ do: 'update', object: { ...withMetadata(same, {}), revision: number } });
  return { name, hash, writes };
}

function revision(owner: KubeObject, name: string, hash: string, data: unknown, number: number): KubeObject {
  const template = (owner['spec'] as { template: PodTemplate }).template;
  return {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name,
      namespace: owner.metadata.namespace ?? '',
      labels: { ...template.metadata?.labels, 'controller.kubernetes.io/hash': hash },
      ownerReferences: [ownerReferenceTo(owner)],
    },
    data: structuredClone(data),
    revision: number,
  };
}

function history(
  owner: { spec: { revisionHistoryLimit?: number } },
  sorted: readonly ControllerRevision[],
  inUse: readonly string[],
): Write[] {
  const old = sorted.filter(({ metadata }) => !inUse.includes(metadata.name ?? ''));
  const surplus = Math.max(0, old.length - (owner.spec.revisionHistoryLimit ?? 10));
  return old.slice(0, surplus).map((object) => ({ do: 'delete', object }));
}
