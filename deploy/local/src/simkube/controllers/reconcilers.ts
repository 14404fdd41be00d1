/** For each controller: what it looks at, handed to its pure plan. */
import type { KubeObject } from '../types.ts';
import { cronJobPlan } from './cronJob.ts';
import { daemonSetPlan } from './daemonSet.ts';
import { deploymentPlan } from './deployment.ts';
import { disruptionPlan } from './disruption.ts';
import { expiryPlan } from './events.ts';
import { garbagePlan } from './garbage.ts';
import { jobPlan } from './job.ts';
import { namespacePlan, ROOT_CA } from './namespace.ts';
import { ingressPlan, servicePlan } from './network.ts';
import { NODE_NAME } from './node.ts';
import { controllerOf } from './objects.ts';
import type { Plan } from './plan.ts';
import { podPlan } from './pod.ts';
import { replicaSetPlan } from './replicaSet.ts';
import type { ClaimSight } from './schedule.ts';
import type { CronJob, DaemonSet, Deployment, Job, Pod, ReplicaSet, StatefulSet } from './shapes.ts';
import type { Sight } from './sight.ts';
import { statefulSetPlan } from './statefulSet.ts';
import { claimPlan, isBound, volumePlan } from './volume.ts';

export interface Surroundings {
  sight: Sight;
  caCertificate: string;
}

type Reconcile = (object: KubeObject, surroundings: Surroundings, nowMs: number) => Plan;

/** By `group/plural` of the object that a controller is about. */
export const reconcilers: Readonly<Record<string, Reconcile>> = {
  '/pods': reconcilePod,
  '/namespaces': reconcileNamespace,
  '/services': (service, { sight }) =>
    servicePlan({
      service,
      pods: sight.in<Pod>('/pods', service.metadata.namespace ?? ''),
      slices: sight.owned('discovery.k8s.io/endpointslices', service),
    }),
  '/persistentvolumeclaims': (claim, { sight }, nowMs) =>
    claimPlan(
      {
        claim,
        pods: sight.in<Pod>('/pods', claim.metadata.namespace ?? ''),
        volumes: sight.all('/persistentvolumes'),
        classes: sight.all('storage.k8s.io/storageclasses'),
      },
      nowMs,
    ),
  '/persistentvolumes': (volume, { sight }, nowMs) => {
    const reference = (volume['spec'] as { claimRef?: { namespace?: string; name?: string } }).claimRef;
    const { namespace = '', name = '' } = reference ?? {};
    const claim = reference && sight.get('/persistentvolumeclaims', namespace, name);
    return volumePlan(volume, claim, nowMs);
  },
  '/events': (event, _, nowMs) => expiryPlan(event, nowMs),
  'apps/deployments': (object, { sight }, nowMs) =>
    deploymentPlan(object as Deployment, sight.candidates<ReplicaSet>('apps/replicasets', object), nowMs),
  'apps/replicasets': (object, { sight }, nowMs) =>
    replicaSetPlan(object as ReplicaSet, sight.candidates<Pod>('/pods', object), nowMs),
  'apps/statefulsets': reconcileStatefulSet,
  'apps/daemonsets': (object, { sight }, nowMs) =>
    daemonSetPlan(
      {
        set: object as DaemonSet,
        pods: sight.candidates<Pod>('/pods', object),
        revisions: sight.owned('apps/controllerrevisions', object),
        node: sight.get('/nodes', '', NODE_NAME),
      },
      nowMs,
    ),
  'batch/jobs': (job, { sight }, nowMs) => jobPlan(job as Job, sight.owned<Pod>('/pods', job), nowMs),
  'batch/cronjobs': (cron, { sight }, nowMs) =>
    cronJobPlan(cron as CronJob, sight.owned<Job>('batch/jobs', cron), nowMs),
  'networking.k8s.io/ingresses': (ingress) => ingressPlan(ingress),
  'policy/poddisruptionbudgets': (budget, { sight }, nowMs) =>
    disruptionPlan(
      {
        budget,
        pods: sight.in<Pod>('/pods', budget.metadata.namespace ?? ''),
        wanted: (pods) => wantedBy(sight, pods),
      },
      nowMs,
    ),
};

export function reconcileGarbage(object: KubeObject, { sight }: Surroundings): Plan {
  return garbagePlan({
    object,
    dependents: sight.dependents(object.metadata.uid).map((dependent) => dependent.object),
    ownerOf: (reference) => sight.ownerOf(reference, object.metadata.namespace ?? ''),
  });
}

function reconcilePod(object: KubeObject, { sight }: Surroundings, nowMs: number): Plan {
  const pod = object as Pod;
  const namespace = pod.metadata.namespace ?? '';
  const isPlaced = pod.spec.nodeName !== undefined;
  const names = (pod.spec.volumes ?? []).flatMap((volume) => volume.persistentVolumeClaim?.claimName ?? []);
  const claims = isPlaced ? [] : names.map((name) => claimSight(sight, namespace, name));
  return podPlan({ pod, node: sight.get('/nodes', '', NODE_NAME), claims }, nowMs);
}

function claimSight(sight: Sight, namespace: string, name: string): ClaimSight {
  const claim = sight.get('/persistentvolumeclaims', namespace, name);
  if (claim === undefined) return { name, state: 'missing' };
  return { name, state: isBound(claim) ? 'bound' : 'unbound' };
}

function reconcileNamespace(namespace: KubeObject, surroundings: Surroundings, nowMs: number): Plan {
  const { sight, caCertificate } = surroundings;
  const name = namespace.metadata.name ?? '';
  return namespacePlan(
    {
      namespace,
      hasAccount: sight.get('/serviceaccounts', name, 'default') !== undefined,
      rootCa: sight.get('/configmaps', name, ROOT_CA),
      caCertificate,
      content: () => sight.content(name),
    },
    nowMs,
  );
}

function reconcileStatefulSet(object: KubeObject, { sight }: Surroundings, nowMs: number): Plan {
  const claims = sight.in('/persistentvolumeclaims', object.metadata.namespace ?? '');
  return statefulSetPlan(
    {
      set: object as StatefulSet,
      pods: sight.candidates<Pod>('/pods', object),
      revisions: sight.owned('apps/controllerrevisions', object),
      claims: new Set(claims.map(({ metadata }) => metadata.name ?? '')),
    },
    nowMs,
  );
}

function wantedBy(sight: Sight, pods: readonly Pod[]): number {
  const controllers = new Map<string, number>();
  for (const pod of pods) {
    const reference = controllerOf(pod);
    const owner = reference && sight.ownerOf(reference, pod.metadata.namespace ?? '');
    if (owner === undefined || owner === 'unknown') continue;
    controllers.set(owner.metadata.uid ?? '', (owner['spec'] as { replicas?: number }).replicas ?? 1);
  }
  return [...controllers.values()].reduce((sum, replicas) => sum + replicas, 0);
}
