/** Events as controllers record them: one object per reason and message, counted while it repeats, gone after an hour. */
import { createHash } from 'node:crypto';
import { ApiError } from '../server/apiError.ts';
import type { ObjectKey, Store } from '../server/store.ts';
import type { KubeObject } from '../types.ts';
import { controllerOf } from './objects.ts';
import { isoOf } from '../timestamp.ts';
import { event, planOf, type Plan, type Write } from './plan.ts';

const KEPT_MS = 3_600_000;

/** What controllers say once a pod of theirs has its name. */
export function creationEvent(pod: KubeObject, owner: KubeObject | undefined): Write | undefined {
  const kind = controllerOf(pod)?.kind;
  if (owner === undefined || kind === undefined) return undefined;
  const { name = '' } = pod.metadata;
  const message =
    kind === 'StatefulSet'
      ? `Create Pod ${name} in StatefulSet ${owner.metadata.name ?? ''} successful`
      : `Created pod: ${name}`;
  return event(owner, `${kind.toLowerCase()}-controller`, 'SuccessfulCreate', message);
}

export function recordEvent(store: Store, write: Extract<Write, { do: 'event' }>): void {
  const resource = store.resourceOfKind('v1', 'Event');
  if (resource === undefined) return;
  const { about, component, reason, message, type } = write;
  const { name: subject = '', namespace = 'default', uid = '', resourceVersion = '' } = about.metadata;
  const now = isoOf(store.clock.now());
  const digest = createHash('sha256').update([uid, component, reason, message].join('\n')).digest('hex');
  const name = `${subject}.${digest.slice(0, 16)}`;
  const key: ObjectKey = { resource, namespace: namespace || 'default', name };
  const before = store.get(key);
  const { apiVersion, kind } = about;
  const options = { manager: component };
  if (before !== undefined) {
    const count = ((before['count'] as number | undefined) ?? 1) + 1;
    store.update(resource, { ...before, count, lastTimestamp: now }, options);
    return;
  }
  const involvedObject = { apiVersion, kind, name: subject, namespace, uid, resourceVersion };
  const metadata = { name, namespace: key.namespace };
  const times = { firstTimestamp: now, lastTimestamp: now, count: 1 };
  const source = { source: { component }, reportingComponent: component, reportingInstance: '' };
  const object = { apiVersion: 'v1', kind: 'Event', metadata, involvedObject, reason, message, type };
  try {
    store.create(resource, { ...object, ...times, ...source }, options);
  } catch (error) {
    // A namespace that terminates takes no events any more.
    if (!(error instanceof ApiError)) throw error;
  }
}

export function expiryPlan(object: KubeObject, nowMs: number): Plan {
  const last = (object['lastTimestamp'] ??
    object['eventTime'] ??
    object.metadata.creationTimestamp) as string;
  const atMs = Date.parse(last) + KEPT_MS;
  return nowMs >= atMs ? planOf([{ do: 'delete', object }]) : planOf([], atMs);
}
