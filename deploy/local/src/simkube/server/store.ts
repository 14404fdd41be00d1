/**
 * One simulated cluster as those in its process see it. Every call goes the way of a request over HTTP: defaults,
 * validation, field ownership, finalizers and events are the same. All is synchronous; a refusal is an `ApiError`.
 *
 * Objects that are handed out are shared with everyone: copy before changing (`structuredClone`).
 */
import type { JsonObject, KubeObject, ResourceType } from '../types.ts';

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
}

export interface ObjectKey {
  resource: ResourceType;
  /** Empty for cluster-scoped resources. */
  namespace: string;
  name: string;
}

export interface ListSelection {
  /** Empty or absent: all namespaces. */
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
}

export interface WriteOptions {
  /** Owner of the fields, as `fieldManager` of a request. */
  manager: string;
  dryRun?: boolean;
  subresource?: string;
  fieldValidation?: 'Ignore' | 'Warn' | 'Strict';
  /** Is told of what a real server says in the header Warning. */
  warn?: (message: string) => void;
}

export type PatchBody =
  | { kind: 'json'; operations: unknown[] }
  | { kind: 'merge' | 'strategic'; patch: JsonObject }
  | { kind: 'apply'; applied: JsonObject; force: boolean };

export interface DeleteOptions {
  propagation?: 'Foreground' | 'Background' | 'Orphan';
  uid?: string;
  resourceVersion?: string;
  /** 0 removes a Pod at once; without it a Pod on a node stays until its kubelet removes it so. */
  gracePeriodSeconds?: number;
  dryRun?: boolean;
}

export interface ObjectEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  resource: ResourceType;
  object: KubeObject;
  /** The object before a MODIFIED or DELETED. */
  before: KubeObject | null;
  resourceVersion: number;
}

export interface Store {
  readonly cluster: string;
  readonly clock: Clock;
  /** Newest resourceVersion. */
  readonly resourceVersion: number;
  /** All that is served now, CRDs included. */
  resources(): readonly ResourceType[];
  /** By plural, in any version where none is named. */
  resource(group: string, plural: string, version?: string): ResourceType | undefined;
  resourceOfKind(apiVersion: string, kind: string): ResourceType | undefined;
  get(key: ObjectKey): KubeObject | undefined;
  /** By namespace and name. */
  list(resource: ResourceType, selection?: ListSelection): KubeObject[];
  create(resource: ResourceType, object: KubeObject, options: WriteOptions): KubeObject;
  /** Refused with 409 where the object names a resourceVersion that is not the newest. */
  update(resource: ResourceType, object: KubeObject, options: WriteOptions): KubeObject;
  patch(key: ObjectKey, body: PatchBody, options: WriteOptions): { object: KubeObject; created: boolean };
  /** The object as it is now, or as it last was where it is gone. */
  delete(key: ObjectKey, options?: DeleteOptions): KubeObject;
  /**
   * Every change of the cluster in order, told right after it; the listener only takes notes and writes later.
   * Returns the way to stop it.
   */
  watch(listener: (event: ObjectEvent) => void): () => void;
}

/** What runs inside a simulated cluster. */
export interface ClusterControllers {
  /** What `kubectl logs` shows of a container. */
  podLog(pod: KubeObject, container: string): string;
  stop(): void;
}

export type StartControllers = (store: Store) => ClusterControllers;
