/** Objects for tests of the controllers, as the API server would have completed them. */
import type { KubeObject } from '../types.ts';
import type { Deployment, Pod, ReplicaSet, StatefulSet } from './shapes.ts';

export const NOW_MS = Date.parse('2026-01-01T00:00:00Z');
export const NOW = '2026-01-01T00:00:00Z';

export function deployment(name: string, spec: Partial<Deployment['spec']> = {}): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'ns', uid: `uid-${name}`, generation: 1, creationTimestamp: NOW },
    spec: {
      replicas: 4,
      selector: { matchLabels: { app: name } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      progressDeadlineSeconds: 600,
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'main', image: 'app:1' }] },
      },
      ...spec,
    },
  };
}

export function withImage<T extends Deployment | StatefulSet>(object: T, image: string): T {
  const changed = structuredClone(object);
  changed.spec.template.spec.containers[0] = { name: 'main', image };
  return changed;
}

export function statefulSet(spec: Partial<StatefulSet['spec']> = {}): StatefulSet {
  const { metadata, spec: base } = deployment('db');
  const { replicas, selector, template } = base;
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata,
    spec: { replicas: replicas ?? 1, selector, template, updateStrategy: { type: 'RollingUpdate' }, ...spec },
  };
}

export function pod(name: string, owner?: KubeObject, more: Partial<Pod['metadata']> = {}): Pod {
  const { apiVersion = '', kind = '', metadata: { name: ownerName = '', uid = '' } = {} } = owner ?? {};
  const ownerReferences = [{ apiVersion, kind, name: ownerName, uid, controller: true }];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'ns',
      uid: `uid-${name}`,
      creationTimestamp: NOW,
      ...(owner === undefined ? {} : { ownerReferences }),
      ...more,
    },
    spec: { nodeName: 'sim-node', restartPolicy: 'Always', containers: [{ name: 'main', image: 'app:1' }] },
    status: { phase: 'Pending' },
  };
}

export function ready<T extends Pod>(object: T): T {
  const condition = { type: 'Ready', status: 'True', lastTransitionTime: NOW } as const;
  return { ...object, status: { phase: 'Running', conditions: [condition], podIP: '10.64.0.1' } };
}

/** The ReplicaSet as it is once its pods are. */
export function settled(set: ReplicaSet, available = set.spec.replicas ?? 1): ReplicaSet {
  const replicas = set.spec.replicas ?? 1;
  const counts = { replicas, readyReplicas: available, availableReplicas: available };
  return { ...set, status: { ...counts, terminatingReplicas: 0, observedGeneration: 1 } };
}
