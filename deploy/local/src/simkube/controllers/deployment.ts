/**
 * Deployment: one ReplicaSet per template, the present one grown and the others shrunk within maxSurge and
 * maxUnavailable. Each pass takes one step (find or make the set, scale up, scale down, clear away) and then says how
 * far it is; what the step changed brings the next pass.
 */
import type { KubeObject } from '../types.ts';
import { boundsOf, replicasOf } from './deploymentBounds.ts';
import { deploymentStatus } from './deploymentStatus.ts';
import { proportions } from './deploymentScale.ts';
import { canonical, shortHash } from '../hash.ts';
import { byAge, claim, ownerReferenceTo, statusWrites, withMetadata } from './objects.ts';
import { event, planOf, type Plan, type Write } from './plan.ts';
import type { Deployment, PodTemplate, ReplicaSet } from './shapes.ts';

export const HASH_LABEL = 'pod-template-hash';
const COMPONENT = 'deployment-controller';
const REVISION = 'deployment.kubernetes.io/revision';
const DESIRED = 'deployment.kubernetes.io/desired-replicas';
const MAX = 'deployment.kubernetes.io/max-replicas';
/** Of a Deployment, these say something about it alone and are not handed to its ReplicaSets. */
const OWN_ANNOTATIONS = ['kubectl.kubernetes.io/last-applied-configuration', REVISION, DESIRED, MAX];

export function deploymentPlan(
  deployment: Deployment,
  candidates: readonly ReplicaSet[],
  nowMs: number,
): Plan {
  const { owned, writes } = claim(deployment, deployment.spec.selector, candidates);
  const sets = owned.toSorted(byAge);
  const current = sets.find((set) => templateOf(set.spec.template) === templateOf(deployment.spec.template));
  const isGone = deployment.metadata.deletionTimestamp !== undefined;
  if (!isGone) writes.push(...nextStep(deployment, sets, current));
  const created = writes.find((write) => write.do === 'create')?.object;
  const { status, events, wakeAtMs } = deploymentStatus(deployment, sets, current, created, nowMs);
  const changed = writes.find((write) => write.do === 'update' && write.object.kind === 'Deployment');
  const target = changed !== undefined && 'object' in changed ? changed.object : deployment;
  writes.push(...statusWrites(target, status), ...events);
  return planOf(writes, wakeAtMs);
}

function nextStep(deployment: Deployment, sets: readonly ReplicaSet[], current?: ReplicaSet): Write[] {
  const scaledBy = sets.some((set) => replicasOf(set) > 0 && isRescaled(deployment, set));
  if (deployment.spec.paused === true || scaledBy) return scaleAll(deployment, sets, current);
  if (deployment.spec.strategy?.type === 'Recreate') {
    const old = sets.filter((set) => set !== current);
    const down = old.flatMap((set) => scaleTo(deployment, set, 0));
    if (down.length > 0) return down;
    if (old.some(hasPods)) return [];
  }
  const made = currentSetWrites(deployment, sets, current);
  if (made.length > 0 || current === undefined) return made;
  const up = scaleTo(deployment, current, growth(deployment, sets, current));
  if (up.length > 0) return up;
  const down = shrink(deployment, sets, current);
  return down.length > 0 ? down : clearHistory(deployment, sets, current);
}

function hasPods({ status }: ReplicaSet): boolean {
  return (status?.replicas ?? 0) + (status?.terminatingReplicas ?? 0) > 0;
}

/** The set of the present template has the newest revision, and the Deployment says which that is. */
function currentSetWrites(
  deployment: Deployment,
  sets: readonly ReplicaSet[],
  current?: ReplicaSet,
): Write[] {
  const others = sets.filter((set) => set !== current).map(revisionOf);
  const newest = Math.max(0, ...others) + 1;
  const revision = current === undefined ? newest : Math.max(newest, revisionOf(current));
  const writes: Write[] = [];
  if (current === undefined) writes.push(...creation(deployment, sets, revision));
  else {
    const annotations = setAnnotations(deployment, revision, current.metadata.annotations);
    if (canonical(annotations) !== canonical(current.metadata.annotations))
      writes.push({ do: 'update', object: withMetadata(current, { annotations }) });
  }
  if (deployment.metadata.annotations?.[REVISION] === String(revision)) return writes;
  const annotations = { ...deployment.metadata.annotations, [REVISION]: String(revision) };
  return [...writes, { do: 'update', object: withMetadata(deployment, { annotations }) }];
}

function creation(deployment: Deployment, sets: readonly ReplicaSet[], revision: number): Write[] {
  const { name = '', namespace = '' } = deployment.metadata;
  const template = structuredClone(deployment.spec.template);
  const hash = shortHash(template, deployment.status?.collisionCount);
  const labels = { ...template.metadata?.labels, [HASH_LABEL]: hash };
  const { selector, minReadySeconds } = deployment.spec;
  const replicas = growth(deployment, sets, undefined);
  const set: ReplicaSet = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${name}-${hash}`,
      namespace,
      labels,
      annotations: setAnnotations(deployment, revision),
      ownerReferences: [ownerReferenceTo(deployment)],
    },
    spec: {
      replicas,
      ...(minReadySeconds ? { minReadySeconds } : {}),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [HASH_LABEL]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
  const writes: Write[] = [{ do: 'create', object: set }];
  if (replicas > 0) writes.push(scaledEvent(deployment, set, 0, replicas));
  return writes;
}

function setAnnotations(
  deployment: Deployment,
  revision: number,
  before: Record<string, string> = {},
): Record<string, string> {
  const { desired, surge } = boundsOf(deployment);
  const handed = Object.entries(deployment.metadata.annotations ?? {}).filter(
    ([key]) => !OWN_ANNOTATIONS.includes(key),
  );
  return {
    ...before,
    ...Object.fromEntries(handed),
    [REVISION]: String(revision),
    [DESIRED]: String(desired),
    [MAX]: String(desired + surge),
  };
}

/** How many replicas the present set may have now. */
function growth(deployment: Deployment, sets: readonly ReplicaSet[], current?: ReplicaSet): number {
  const { desired, surge } = boundsOf(deployment);
  if (deployment.spec.strategy?.type === 'Recreate') return desired;
  const own = current === undefined ? 0 : replicasOf(current);
  if (own > desired) return desired;
  const total = sets.reduce((sum, set) => sum + replicasOf(set), 0);
  return own + Math.max(0, Math.min(desired + surge - total, desired - own));
}

/** Takes from the old sets what is unavailable anyway, then what the available ones can spare. */
function shrink(deployment: Deployment, sets: readonly ReplicaSet[], current: ReplicaSet): Write[] {
  const { availableMin } = boundsOf(deployment);
  const old = sets.filter((set) => set !== current && replicasOf(set) > 0);
  const total = sets.reduce((sum, set) => sum + replicasOf(set), 0);
  const missing = Math.max(0, replicasOf(current) - availableOf(current));
  let spare = total - availableMin - missing;
  if (spare <= 0) return [];
  const targets = new Map<ReplicaSet, number>();
  for (const set of old) {
    const broken = Math.min(spare, Math.max(0, replicasOf(set) - availableOf(set)));
    targets.set(set, replicasOf(set) - broken);
    spare -= broken;
  }
  let free = sets.reduce((sum, set) => sum + availableOf(set), 0) - availableMin;
  for (const set of old) {
    const taken = Math.max(0, Math.min(free, targets.get(set) ?? 0));
    targets.set(set, (targets.get(set) ?? 0) - taken);
    free -= taken;
  }
  return old.flatMap((set) => scaleTo(deployment, set, targets.get(set) ?? 0));
}

function availableOf(set: ReplicaSet): number {
  return set.status?.availableReplicas ?? 0;
}

function scaleAll(deployment: Deployment, sets: readonly ReplicaSet[], current?: ReplicaSet): Write[] {
  const targets = proportions(deployment, sets, current);
  return sets.flatMap((set) => scaleTo(deployment, set, targets.get(set) ?? replicasOf(set)));
}

function isRescaled(deployment: Deployment, set: ReplicaSet): boolean {
  const desired = set.metadata.annotations?.[DESIRED];
  return desired !== undefined && desired !== String(deployment.spec.replicas ?? 1);
}

function scaleTo(deployment: Deployment, set: ReplicaSet, replicas: number): Write[] {
  const { desired, surge } = boundsOf(deployment);
  const annotations = {
    ...set.metadata.annotations,
    [DESIRED]: String(desired),
    [MAX]: String(desired + surge),
  };
  const isAnnotated = canonical(annotations) === canonical(set.metadata.annotations);
  if (replicas === replicasOf(set) && (isAnnotated || replicas === 0)) return [];
  const changed = { ...withMetadata(set, { annotations }), spec: { ...set.spec, replicas } };
  const writes: Write[] = [{ do: 'update', object: changed }];
  if (replicas === replicasOf(set)) return writes;
  return [...writes, scaledEvent(deployment, set, replicasOf(set), replicas)];
}

function scaledEvent(deployment: Deployment, set: KubeObject, from: number, to: number): Write {
  const direction = to > from ? 'up' : 'down';
  const message = `Scaled ${direction} replica set ${set.metadata.name ?? ''} from ${from} to ${to}`;
  return event(deployment, COMPONENT, 'ScalingReplicaSet', message);
}

function clearHistory(deployment: Deployment, sets: readonly ReplicaSet[], current: ReplicaSet): Write[] {
  const limit = deployment.spec.revisionHistoryLimit ?? 10;
  const old = sets
    .filter((set) => set !== current && set.metadata.deletionTimestamp === undefined)
    .filter((set) => replicasOf(set) === 0 && (set.status?.replicas ?? 0) === 0)
    .toSorted((a, b) => revisionOf(a) - revisionOf(b));
  return old.slice(0, Math.max(0, old.length - limit)).map((object) => ({ do: 'delete', object }));
}

function revisionOf(set: ReplicaSet): number {
  return Number(set.metadata.annotations?.[REVISION] ?? 0) || 0;
}

function templateOf({ metadata, ...rest }: PodTemplate): string {
  const { [HASH_LABEL]: _hash, ...labels } = metadata?.labels ?? {};
  return canonical({ ...rest, metadata: { ...metadata, labels } });
}
