/**
 * The controllers of the simulated clusters of a process. A change in a cluster puts keys into the one work loop; a key's
 * turn looks at the cluster, plans, and writes. A write that is refused is looked at again later; a refusal never ends
 * the loop.
 */
import { ApiError } from '../server/apiError.ts';
import type { ClusterControllers, ObjectKey, StartControllers, Store } from '../server/store.ts';
import type { KubeObject } from '../types.ts';
import { creationEvent, recordEvent } from './events.ts';
import { furniture } from './node.ts';
import { controllerOf } from './objects.ts';
import type { Plan, Write } from './plan.ts';
import { logText } from './pod.ts';
import { reconcileGarbage, reconcilers } from './reconcilers.ts';
import { keysAfter, workOn, type WorkKey } from './routes.ts';
import type { Pod } from './shapes.ts';
import { Sight } from './sight.ts';
import { WorkLoop, type Worker } from './workLoop.ts';

const MANAGER = 'kube-controller-manager';
const RETRY_MS = 50;
const RETRY_MAX_MS = 30_000;

export interface ControllerOptions {
  /** PEM, for `kube-root-ca.crt` of every namespace. */
  caCertificate: (cluster: string) => string;
  /** Is told of a failure that is none of the API's refusals: a defect here. */
  onFailure: (error: unknown, cluster: string, key: string) => void;
}

/** Starts controllers in clusters of this process; they share one loop. */
export function controllersOfProcess(options: ControllerOptions): StartControllers {
  let loop: WorkLoop | undefined;
  return (store) => {
    loop ??= new WorkLoop(() => store.clock.now());
    return new Controllers(store, loop, options);
  };
}

class Controllers implements ClusterControllers, Worker {
  readonly #store: Store;
  readonly #loop: WorkLoop;
  readonly #options: ControllerOptions;
  readonly #sight: Sight;
  readonly #failures = new Map<string, number>();
  readonly #unwatch: () => void;

  constructor(store: Store, loop: WorkLoop, options: ControllerOptions) {
    this.#store = store;
    this.#loop = loop;
    this.#options = options;
    this.#sight = new Sight(store);
    for (const { table, object } of this.#sight.everything()) {
      const resource = this.#sight.resource(table);
      if (resource === undefined) continue;
      this.#sight.note({ type: 'ADDED', resource, object, before: null, resourceVersion: 0 });
      if (table in reconcilers) this.#enqueue(workOn(table, object));
      if (object.metadata.ownerReferences !== undefined || object.metadata.deletionTimestamp !== undefined)
        this.#enqueue(workOn(table, object, 'garbage'));
    }
    this.#unwatch = store.watch((event) => {
      this.#sight.note(event);
      for (const key of keysAfter(event, this.#sight)) this.#enqueue(key);
    });
    this.#furnish();
  }

  podLog(pod: KubeObject, container: string): string {
    return logText(pod as Pod, container);
  }

  stop(): void {
    this.#unwatch();
    this.#loop.forget(this);
  }

  work(text: string): void {
    try {
      const plan = this.#planFor(JSON.parse(text) as WorkKey);
      for (const write of plan.writes) this.#write(write);
      this.#failures.delete(text);
      if (plan.wakeAtMs !== undefined) this.#loop.wakeAt(this, text, plan.wakeAtMs);
    } catch (error) {
      this.#later(text, error);
    }
  }

  #furnish(): void {
    for (const { table, object } of furniture(this.#store.clock.now())) {
      if (this.#sight.get(table, '', object.metadata.name ?? '') !== undefined) continue;
      this.#write({ do: 'create', object });
      if (object['status'] !== undefined) this.#write({ do: 'status', object });
    }
  }

  #enqueue(key: WorkKey): void {
    this.#loop.enqueue(this, JSON.stringify(key));
  }

  #planFor({ controller, table, namespace, name }: WorkKey): Plan {
    const object = this.#sight.get(table, namespace, name);
    if (object === undefined) return { writes: [] };
    const surroundings = {
      sight: this.#sight,
      caCertificate: this.#options.caCertificate(this.#store.cluster),
    };
    if (controller === 'garbage') return reconcileGarbage(object, surroundings);
    return reconcilers[table]?.(object, surroundings, this.#store.clock.now()) ?? { writes: [] };
  }

  #write(write: Write): void {
    if (write.do === 'event') {
      recordEvent(this.#store, write);
      return;
    }
    const { object } = write;
    const key = this.#keyOf(object);
    const manager = managerOf(write);
    switch (write.do) {
      case 'create':
        this.#create(key, object);
        return;
      case 'delete': {
        const { uid } = object.metadata;
        const options = write.propagation === undefined ? {} : { propagation: write.propagation };
        const grace = write.isFinal === true ? { gracePeriodSeconds: 0 } : {};
        if (this.#store.get(key) === undefined) return;
        this.#store.delete(key, { ...options, ...grace, ...(uid === undefined ? {} : { uid }) });
        return;
      }
      case 'finalize': {
        const changed = { ...unversioned(object), spec: { ...(object['spec'] as object), finalizers: [] } };
        this.#store.update(key.resource, changed, { manager, subresource: 'finalize' });
        return;
      }
      case 'update':
        this.#store.update(key.resource, unversioned(object), { manager });
        return;
      case 'status':
        this.#store.update(key.resource, unversioned(object), {
          manager,
          ...(key.resource.subresources.status === true ? { subresource: 'status' } : {}),
        });
        return;
    }
  }

  #create(key: ObjectKey, object: KubeObject): void {
    try {
      const created = this.#store.create(key.resource, object, { manager: MANAGER });
      if (created.kind !== 'Pod') return;
      const reference = controllerOf(created);
      const owner = reference && this.#sight.ownerOf(reference, created.metadata.namespace ?? '');
      const said = owner === 'unknown' ? undefined : creationEvent(created, owner);
      if (said !== undefined) this.#write(said);
    } catch (error) {
      // Another turn made it, or its namespace takes nothing new: either way there is nothing to repeat.
      if (!(error instanceof ApiError) || (error.reason !== 'AlreadyExists' && error.code !== 403))
        throw error;
    }
  }

  #keyOf({ apiVersion, kind, metadata }: KubeObject): ObjectKey {
    const resource = this.#store.resourceOfKind(apiVersion, kind);
    if (resource === undefined) throw new Error(`no resource of ${apiVersion} ${kind}`);
    return { resource, namespace: metadata.namespace ?? '', name: metadata.name ?? '' };
  }

  #later(text: string, error: unknown): void {
    if (!(error instanceof ApiError)) this.#options.onFailure(error, this.#store.cluster, text);
    const failures = (this.#failures.get(text) ?? 0) + 1;
    this.#failures.set(text, failures);
    const delayMs = Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** Math.min(failures - 1, 20));
    this.#loop.wakeAt(this, text, this.#store.clock.now() + delayMs);
  }
}

/** A plan is made of what the cluster holds at that moment, and its turn is not interrupted. */
function unversioned(object: KubeObject): KubeObject {
  const { resourceVersion: _version, ...metadata } = object.metadata;
  return { ...object, metadata };
}

function managerOf({ do: verb, object }: { do: Write['do']; object: KubeObject }): string {
  if (object.kind !== 'Pod' || verb !== 'status') return MANAGER;
  return 'kubelet';
}
