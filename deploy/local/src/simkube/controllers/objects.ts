/** What several controllers ask about objects: owners, selectors, conditions, readiness. */
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, OwnerReference } from '../types.ts';
import { isoOf } from '../timestamp.ts';
import { type Write } from './plan.ts';
import type { Condition, LabelSelector, Pod, PodTemplate } from './shapes.ts';

export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}

export function ownerReferenceTo(owner: KubeObject): OwnerReference {
  const { name = '', uid = '' } = owner.metadata;
  const { apiVersion, kind } = owner;
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}

/** A selector that is absent selects nothing, one that is empty everything. */
export function selects(selector: LabelSelector | undefined, labels: Record<string, string> = {}): boolean {
  if (selector === undefined) return false;
  const exact = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  return exact && (selector.matchExpressions ?? []).every((one) => matches(one, labels));
}

function matches(
  { key, operator, values = [] }: { key: string; operator: string; values?: string[] },
  labels: Record<string, string>,
): boolean {
  const value = labels[key];
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}

/**
 * Whom a controller works with: those that name it as controller and match, and orphans that match, which it takes over.
 * What it controls and no longer matches is let go.
 */
export function claim<T extends KubeObject>(
  owner: KubeObject,
  selector: LabelSelector | undefined,
  candidates: readonly T[],
): { owned: T[]; writes: Write[] } {
  const owned: T[] = [];
  const writes: Write[] = [];
  for (const object of candidates) {
    const controller = controllerOf(object);
    if (controller !== undefined && controller.uid !== owner.metadata.uid) continue;
    const fits = selects(selector, object.metadata.labels);
    if (controller !== undefined && fits) owned.push(object);
    if (owner.metadata.deletionTimestamp !== undefined || fits === (controller !== undefined)) continue;
    if (object.metadata.deletionTimestamp !== undefined) continue;
    const others = (object.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== owner.metadata.uid);
    const ownerReferences = fits ? [...others, ownerReferenceTo(owner)] : others;
    writes.push({ do: 'update', object: withMetadata(object, { ownerReferences }) });
  }
  return { owned, writes };
}

export function withMetadata<T extends KubeObject>(object: T, more: Partial<T['metadata']>): T {
  return { ...object, metadata: { ...object.metadata, ...more } };
}

/** The write of a changed status, or none if it says what it said. */
export function statusWrites(object: KubeObject, status: object): Write[] {
  const before = (object['status'] ?? {}) as object;
  if (isDeepStrictEqual(clean(before), clean(status))) return [];
  return [{ do: 'status', object: { ...object, status: clean(status) } }];
}

function clean(value: object): unknown {
  return JSON.parse(JSON.stringify(value));
}

export function conditionOf(
  conditions: readonly Condition[] | undefined,
  type: string,
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** A condition replaces its predecessor; the time of its transition changes only with its status. */
export function withCondition(
  conditions: readonly Condition[] | undefined,
  next: Condition,
  nowMs: number,
): Condition[] {
  const before = conditionOf(conditions, next.type);
  const kept = before?.status === next.status ? before.lastTransitionTime : undefined;
  const others = (conditions ?? []).filter(({ type }) => type !== next.type);
  return [...others, { ...next, lastTransitionTime: kept ?? isoOf(nowMs) }];
}

export function isActive(pod: Pod): boolean {
  const phase = pod.status?.phase;
  return pod.metadata.deletionTimestamp === undefined && phase !== 'Succeeded' && phase !== 'Failed';
}

export function isReady(pod: Pod): boolean {
  return conditionOf(pod.status?.conditions, 'Ready')?.status === 'True' && pod.status?.phase === 'Running';
}

/** When a ready pod counts as available; undefined while it is not ready. */
export function availableAtMs(pod: Pod, minReadySeconds = 0): number | undefined {
  if (!isReady(pod)) return undefined;
  const since = conditionOf(pod.status?.conditions, 'Ready')?.lastTransitionTime;
  return since === undefined ? 0 : Date.parse(since) + minReadySeconds * 1000;
}

export interface PodCount {
  ready: number;
  available: number;
  wakeAtMs?: number;
}

export function countPods(
  pods: readonly Pod[],
  minReadySeconds: number | undefined,
  nowMs: number,
): PodCount {
  const times = pods.map((pod) => availableAtMs(pod, minReadySeconds)).filter((at) => at !== undefined);
  const later = times.filter((at) => at > nowMs);
  const count = { ready: times.length, available: times.length - later.length };
  return later.length === 0 ? count : { ...count, wakeAtMs: Math.min(...later) };
}

/** The pod that a template describes, controlled by `owner`; the API server gives it a name. */
export function podFrom(template: PodTemplate, owner: KubeObject, labels: Record<string, string> = {}): Pod {
  const { labels: own, annotations, finalizers } = template.metadata ?? {};
  const { namespace = '', name = '' } = owner.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: `${name}-`,
      namespace,
      ...(own === undefined && Object.keys(labels).length === 0 ? {} : { labels: { ...own, ...labels } }),
      ...(annotations === undefined ? {} : { annotations: { ...annotations } }),
      ...(finalizers === undefined ? {} : { finalizers: [...finalizers] }),
      ownerReferences: [ownerReferenceTo(owner)],
    },
    spec: structuredClone(template.spec),
  };
}

export function byAge(a: KubeObject, b: KubeObject): number {
  const [first, second] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  if (first !== second) return first < second ? -1 : 1;
  return (a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1;
}

/** A number, or a percentage of `total`, as `maxSurge` (rounded up) and `maxUnavailable` (rounded down) have it. */
export function scaled(
  value: number | string | undefined,
  total: number,
  round: (n: number) => number,
): number {
  if (typeof value === 'number') return value;
  const percent = Number.parseFloat(value ?? '');
  return Number.isNaN(percent) ? 0 : round((percent * total) / 100);
}
