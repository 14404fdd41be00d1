/** Deployment, StatefulSet, DaemonSet and ReplicaSet: is the present spec what runs, and does all of it run? */
import type { KubeObject } from '../object/types.ts';
import type { Health } from '../status/words.ts';
import { behind, conditionOf, is, isBehind, verdict, verdictOf } from './condition.ts';
import { countAt, isTrueAt, numberAt, textAt } from './read.ts';

export function deploymentHealth(object: KubeObject): Health {
  if (isTrueAt(object, 'spec', 'paused')) return verdict('Suspended', 'the deployment is paused');
  if (isUnseen(object)) return behind;
  const progressing = conditionOf(object, 'Progressing');
  if (progressing?.reason === 'ProgressDeadlineExceeded' && is(progressing, 'False')) {
    return verdictOf('Degraded', progressing);
  }
  const desired = desiredReplicas(object);
  const updated = countAt(object, 'status', 'updatedReplicas');
  const total = countAt(object, 'status', 'replicas');
  const available = countAt(object, 'status', 'availableReplicas');
  if (updated < desired) return verdict('Progressing', `${updated} of ${desired} replicas are updated`);
  if (total > updated) return verdict('Progressing', `${total - updated} old replicas are still terminating`);
  if (available < updated) return verdict('Progressing', `${available} of ${updated} replicas are available`);
  return verdict('Healthy');
}

export function statefulSetHealth(object: KubeObject): Health {
  if (countAt(object, 'status', 'observedGeneration') === 0 || isBehind(object)) return behind;
  const desired = desiredReplicas(object);
  const ready = countAt(object, 'status', 'readyReplicas');
  if (ready < desired) return verdict('Progressing', `${ready} of ${desired} replicas are ready`);
  if (textAt(object, 'spec', 'updateStrategy', 'type') === 'OnDelete') return verdict('Healthy');
  const partition = countAt(object, 'spec', 'updateStrategy', 'rollingUpdate', 'partition');
  const updated = countAt(object, 'status', 'updatedReplicas');
  if (partition > 0) {
    const wanted = Math.max(0, desired - partition);
    if (updated >= wanted) return verdict('Healthy');
    return verdict('Progressing', `${updated} of ${wanted} replicas beyond the partition are updated`);
  }
  if (textAt(object, 'status', 'updateRevision') !== textAt(object, 'status', 'currentRevision')) {
    return verdict('Progressing', `${updated} of ${desired} replicas are updated`);
  }
  return verdict('Healthy');
}

export function daemonSetHealth(object: KubeObject): Health {
  if (isUnseen(object)) return behind;
  if (textAt(object, 'spec', 'updateStrategy', 'type') === 'OnDelete') return verdict('Healthy');
  const desired = countAt(object, 'status', 'desiredNumberScheduled');
  const updated = countAt(object, 'status', 'updatedNumberScheduled');
  const available = countAt(object, 'status', 'numberAvailable');
  if (updated < desired) return verdict('Progressing', `${updated} of ${desired} pods are updated`);
  if (available < desired) return verdict('Progressing', `${available} of ${desired} pods are available`);
  return verdict('Healthy');
}

export function replicaSetHealth(object: KubeObject): Health {
  if (isUnseen(object)) return behind;
  const failure = conditionOf(object, 'ReplicaFailure');
  if (failure !== undefined && is(failure, 'True')) return verdictOf('Degraded', failure);
  const desired = desiredReplicas(object);
  const available = countAt(object, 'status', 'availableReplicas');
  if (available < desired) return verdict('Progressing', `${available} of ${desired} replicas are available`);
  return verdict('Healthy');
}

/** These controllers always say which generation they saw, so silence means that they have seen none. */
function isUnseen(object: KubeObject): boolean {
  const generation = countAt(object, 'metadata', 'generation');
  return countAt(object, 'status', 'observedGeneration') < generation;
}

/** The API server defaults an absent `spec.replicas` to 1. */
function desiredReplicas(object: KubeObject): number {
  return numberAt(object, 'spec', 'replicas') ?? 1;
}
