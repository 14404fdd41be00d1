/** What the controllers see of a cluster, found without looking through all of it: by kind and namespace, and by owner. */
import { tableOf } from '../server/clusterState.ts';
import type { ObjectEvent, Store } from '../server/store.ts';
import type { KubeObject, OwnerReference, ResourceType } from '../types.ts';
import { controllerOf } from './objects.ts';

export interface Located {
  /** `group/plural`. */
  table: string;
  object: KubeObject;
}

/** Kinds that controllers look at together; everything else they find by owner or name. */
const INDEXED = new Set([
  '/pods',
  '/services',
  '/persistentvolumeclaims',
  'apps/replicasets',
  'policy/poddisruptionbudgets',
]);

export class Sight {
  readonly store: Store;
  readonly #byNamespace = new Map<string, Map<string, KubeObject>>();
  readonly #orphans = new Map<string, Map<string, KubeObject>>();
  readonly #dependents = new Map<string, Map<string, Located>>();

  constructor(store: Store) {
    this.store = store;
  }

  note({ type, resource, object, before }: ObjectEvent): void {
    const table = tableOf(resource);
    if (before !== null) this.#drop(table, before);
    if (type !== 'DELETED') this.#keep(table, object);
  }

  get<T extends KubeObject>(table: string, namespace: string, name: string): T | undefined {
    const resource = this.resource(table);
    return resource && (this.store.get({ resource, namespace, name }) as T | undefined);
  }

  /** Of an indexed kind. */
  in<T extends KubeObject>(table: string, namespace: string): T[] {
    return [...(this.#byNamespace.get(`${table} ${namespace}`)?.values() ?? [])] as T[];
  }

  all(table: string): KubeObject[] {
    const resource = this.resource(table);
    return resource === undefined ? [] : this.store.list(resource);
  }

  dependents(uid: string | undefined): Located[] {
    return [...(this.#dependents.get(uid ?? '')?.values() ?? [])];
  }

  /** Of one kind: what has this owner, and what nobody controls, in its namespace. */
  candidates<T extends KubeObject>(table: string, owner: KubeObject): T[] {
    const own = this.owned<T>(table, owner);
    const orphans = this.#orphans.get(`${table} ${owner.metadata.namespace ?? ''}`)?.values() ?? [];
    return [...new Set([...own, ...(orphans as Iterable<T>)])];
  }

  owned<T extends KubeObject>(table: string, owner: KubeObject): T[] {
    return this.dependents(owner.metadata.uid)
      .filter((one) => one.table === table && controllerOf(one.object)?.uid === owner.metadata.uid)
      .map(({ object }) => object as T);
  }

  ownerOf(reference: OwnerReference, namespace: string): KubeObject | 'unknown' | undefined {
    const resource = this.store.resourceOfKind(reference.apiVersion, reference.kind);
    // A kind that is not served (yet) is no proof that the owner is gone.
    if (resource === undefined || (resource.namespaced && namespace === '')) return 'unknown';
    const key = { resource, namespace: resource.namespaced ? namespace : '', name: reference.name };
    const owner = this.store.get(key);
    return owner?.metadata.uid === reference.uid ? owner : undefined;
  }

  content(namespace: string): { resource: string; object: KubeObject }[] {
    return this.#tables()
      .filter(({ namespaced, verbs }) => namespaced && verbs.includes('delete'))
      .flatMap((resource) =>
        this.store.list(resource, { namespace }).map((object) => ({
          resource: resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`,
          object,
        })),
      );
  }

  /** Everything that is there already, as after a restart. */
  everything(): Located[] {
    return this.#tables().flatMap((resource) =>
      this.store.list(resource).map((object) => ({ table: tableOf(resource), object })),
    );
  }

  resource(table: string): ResourceType | undefined {
    const [group = '', plural = ''] = table.split('/');
    return this.store.resource(group, plural);
  }

  /** One of the versions of each kind; Events are in two groups and are kept once, in the core group. */
  #tables(): ResourceType[] {
    const seen = new Map<string, ResourceType>();
    for (const resource of this.store.resources())
      if (
        resource.group !== 'events.k8s.io' &&
        resource.verbs.includes('list') &&
        !seen.has(tableOf(resource))
      )
        seen.set(tableOf(resource), resource);
    return [...seen.values()];
  }

  #keep(table: string, object: KubeObject): void {
    const { namespace = '', name = '', ownerReferences = [] } = object.metadata;
    if (INDEXED.has(table)) into(this.#byNamespace, `${table} ${namespace}`).set(name, object);
    if ((table === '/pods' || table === 'apps/replicasets') && controllerOf(object) === undefined)
      into(this.#orphans, `${table} ${namespace}`).set(name, object);
    for (const { uid } of ownerReferences)
      into(this.#dependents, uid).set(`${table} ${namespace} ${name}`, { table, object });
  }

  #drop(table: string, { metadata }: KubeObject): void {
    const { namespace = '', name = '', ownerReferences = [] } = metadata;
    outOf(this.#byNamespace, `${table} ${namespace}`, name);
    outOf(this.#orphans, `${table} ${namespace}`, name);
    for (const { uid } of ownerReferences) outOf(this.#dependents, uid, `${table} ${namespace} ${name}`);
  }
}

function into<T>(maps: Map<string, Map<string, T>>, key: string): Map<string, T> {
  const known = maps.get(key);
  if (known !== undefined) return known;
  const made = new Map<string, T>();
  maps.set(key, made);
  return made;
}

function outOf<T>(maps: Map<string, Map<string, T>>, key: string, name: string): void {
  const map = maps.get(key);
  if (map?.delete(name) === true && map.size === 0) maps.delete(key);
}
