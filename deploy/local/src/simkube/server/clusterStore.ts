/**
 * One simulated cluster: every write is checked, completed, owned by its manager and then told to all watches. A write
 * that changes nothing keeps its resourceVersion.
 */
import { isDeepStrictEqual } from 'node:util';
import { applyServerSide, conflictMessage, type Conflict } from '../merge/applyServerSide.ts';
import { withDefaults } from '../merge/defaults.ts';
import { jsonMergePatch } from '../merge/jsonMergePatch.ts';
import { jsonPatch, type JsonPatchOperation } from '../merge/jsonPatch.ts';
import { pruneUnknown } from '../merge/pruneUnknown.ts';
import { PatchError, strategicMergePatch } from '../merge/strategicMergePatch.ts';
import { trackWrite } from '../merge/trackWrite.ts';
import { decodeError, validate, validateUpdate, type FieldError } from '../merge/validate.ts';
import type { Schema } from '../schema/schema.ts';
import { apiVersionOf, type JsonObject, type KubeObject, type ResourceType } from '../types.ts';
import {
  ApiError,
  alreadyExists,
  badRequest,
  conflict,
  detailsOf,
  forbidden,
  invalidObject,
  modified,
  notFound,
  unnamed,
} from './apiError.ts';
import { Catalogue, apiVersionAs, isCrd } from './catalogue.ts';
import { ClusterState } from './clusterState.ts';
import { cleanUpCrd, establish } from './crd.ts';
import { deletionOf } from './deletion.ts';
import { isoOf } from '../timestamp.ts';
import {
  asChange,
  asNew,
  asObjectOf,
  generatedName,
  guardName,
  isService,
  withGeneration,
  withStringData,
} from './prepare.ts';
import { predicateOf } from './selectors.ts';
import { withAddress } from './serviceAddress.ts';
import type {
  Clock,
  DeleteOptions,
  ListSelection,
  ObjectEvent,
  ObjectKey,
  PatchBody,
  Store,
  WriteOptions,
} from './store.ts';

export class ClusterStore implements Store {
  readonly cluster: string;
  readonly clock: Clock;
  readonly state = new ClusterState();
  readonly catalogue = new Catalogue();

  constructor(cluster: string, clock: Clock) {
    this.cluster = cluster;
    this.clock = clock;
  }

  get resourceVersion(): number {
    return this.state.resourceVersion;
  }

  resources(): readonly ResourceType[] {
    return this.catalogue.resources();
  }

  resource(group: string, plural: string, version?: string): ResourceType | undefined {
    return this.catalogue.find(group, plural, version);
  }

  resourceOfKind(apiVersion: string, kind: string): ResourceType | undefined {
    return this.catalogue.findKind(apiVersion, kind);
  }

  get({ resource, namespace, name }: ObjectKey): KubeObject | undefined {
    const object = this.state.get(resource, namespace, name);
    return object && apiVersionAs(object, resource);
  }

  list(resource: ResourceType, selection: ListSelection = {}): KubeObject[] {
    const fits = predicateOf(selection);
    return this.state
      .all(resource)
      .filter(fits)
      .map((object) => apiVersionAs(object, resource));
  }

  watch(listener: (event: ObjectEvent) => void): () => void {
    return this.state.watch(listener);
  }

  create(resource: ResourceType, body: KubeObject, options: WriteOptions): KubeObject {
    const given = asObjectOf(resource, body, body.metadata?.namespace ?? '');
    const { name, generateName } = given.metadata;
    if (given.metadata.resourceVersion)
      throw unnamed('resourceVersion should not be set on objects to be created');
    const metadata = { ...given.metadata, name: name || (generateName ? generatedName(generateName) : '') };
    return this.#insert(resource, { ...given, metadata }, options, (object, schema) =>
      this.#track(null, withDefaults(object, schema), resource, schema, options),
    );
  }

  update(resource: ResourceType, body: KubeObject, options: WriteOptions): KubeObject {
    const given = asObjectOf(resource, body, body.metadata?.namespace ?? '');
    const key = { resource, namespace: given.metadata.namespace ?? '', name: given.metadata.name ?? '' };
    const before = this.#existing(key);
    guardIdentity(key, before, given);
    const schema = this.catalogue.schemaOf(resource);
    return this.#replace(key, before, this.#decoded(resource, given, schema, options), schema, options);
  }

  patch(key: ObjectKey, body: PatchBody, options: WriteOptions): { object: KubeObject; created: boolean } {
    if (body.kind === 'apply') return this.#apply(key, body.applied, body.force, options);
    const before = this.#existing(key);
    const schema = this.catalogue.schemaOf(key.resource);
    const patched = patchedBy(before, body, schema, key);
    const given = asObjectOf(key.resource, patched, key.namespace);
    guardName(key.name, given);
    guardIdentity(key, before, given);
    const decoded = this.#decoded(key.resource, given, schema, options);
    return { object: this.#replace(key, before, decoded, schema, options), created: false };
  }

  delete(key: ObjectKey, options: DeleteOptions = {}): KubeObject {
    const before = this.#existing(key);
    guardPreconditions(key, before, options);
    const plan = deletionOf(key.resource, before, options, isoOf(this.clock.now()));
    if (options.dryRun) return plan.object;
    if (plan.remove) return this.#remove(key.resource, before);
    if (isDeepStrictEqual(plan.object, before)) return before;
    const stored = this.state.put(key.resource, plan.object);
    if (isCrd(key.resource)) cleanUpCrd(this, stored);
    return this.get(key) ?? stored;
  }

  #existing({ resource, namespace, name }: ObjectKey): KubeObject {
    const object = this.state.get(resource, namespace, name);
    if (object === undefined) throw notFound(resource, name);
    return apiVersionAs(object, resource);
  }

  #apply(
    key: ObjectKey,
    body: JsonObject,
    force: boolean,
    options: WriteOptions,
  ): { object: KubeObject; created: boolean } {
    const { resource, namespace, name } = key;
    const sent = asObjectOf(resource, body, namespace);
    if (sent.metadata.name) guardName(name, sent);
    if (sent.metadata.managedFields?.length) throw badRequest('metadata.managedFields must be nil');
    const schema = this.catalogue.schemaOf(resource);
    const applied = this.#decoded(
      resource,
      partOf(resource, sent, name, options.subresource),
      schema,
      options,
    );
    const live = this.get(key) ?? null;
    if (live === null && options.subresource !== undefined) throw notFound(resource, name);
    if (live !== null) guardIdentity(key, live, applied);
    if (live === null && applied.metadata.uid) throw conflict(resource, name, 'uid mismatch');
    const merge = (current: KubeObject | null) => this.#merged(key, current, applied, force, schema, options);
    if (live === null)
      return { object: this.#insert(resource, applied, options, () => merge(null)), created: true };
    const after = merge(live);
    if (after === live) return { object: live, created: false };
    const changed = asChange(resource, live, after, options.subresource);
    return { object: this.#commit(resource, live, changed, schema, options), created: false };
  }

  #merged(
    key: ObjectKey,
    live: KubeObject | null,
    applied: KubeObject,
    force: boolean,
    schema: Schema,
    options: WriteOptions,
  ): KubeObject {
    const outcome = applyServerSide({
      live,
      applied,
      manager: options.manager,
      force,
      ...(options.subresource === undefined ? {} : { subresource: options.subresource }),
      schema,
      apiVersion: apiVersionOf(key.resource),
      nowIso: isoOf(this.clock.now()),
    });
    if (outcome.outcome === 'conflict') throw applyConflict(outcome.conflicts);
    if (outcome.outcome === 'invalid') throw unnamed(outcome.message);
    return outcome.object;
  }

  /** `own` gives the object its defaults and its managedFields. */
  #insert(
    resource: ResourceType,
    given: KubeObject,
    options: WriteOptions,
    own: (object: KubeObject, schema: Schema) => KubeObject,
  ): KubeObject {
    const { namespace = '', name = '' } = given.metadata;
    if (this.state.get(resource, namespace, name)) throw alreadyExists(resource, name);
    if (resource.namespaced) this.#guardNamespace(resource, namespace, name);
    const schema = this.catalogue.schemaOf(resource);
    const custom = this.catalogue.customVersion(resource) !== undefined;
    const owned = own(this.#decoded(resource, given, schema, options), schema);
    const object = this.#addressed(resource, asNew(resource, owned, custom, isoOf(this.clock.now())));
    refuse(resource, object, validate(object, schema));
    if (options.dryRun) return object;
    const stored = this.state.put(resource, object);
    if (isCrd(resource)) establish(this, stored);
    return stored;
  }

  #replace(
    key: ObjectKey,
    before: KubeObject,
    given: KubeObject,
    schema: Schema,
    options: WriteOptions,
  ): KubeObject {
    const changed = asChange(key.resource, before, given, options.subresource);
    const after = this.#track(before, withDefaults(changed, schema), key.resource, schema, options);
    return this.#commit(key.resource, before, after, schema, options);
  }

  /** `changed` is complete: with defaults, its owners, and what is not the client's to change. */
  #commit(
    resource: ResourceType,
    before: KubeObject,
    changed: KubeObject,
    schema: Schema,
    options: WriteOptions,
  ): KubeObject {
    const after = withGeneration(before, this.#addressed(resource, changed));
    if (isDeepStrictEqual(after, before)) return before;
    refuse(resource, after, [...validate(after, schema), ...validateUpdate(before, after, schema)]);
    if (options.dryRun) return after;
    if (isGone(after)) return this.#remove(resource, after);
    const stored = this.state.put(resource, after);
    if (isCrd(resource) && options.subresource === undefined) establish(this, stored);
    return stored;
  }

  #addressed(resource: ResourceType, object: KubeObject): KubeObject {
    return isService(resource) ? withAddress(object, this.state.all(resource)) : object;
  }

  #remove(resource: ResourceType, object: KubeObject): KubeObject {
    const last = this.state.remove(resource, object);
    if (isCrd(resource)) this.catalogue.drop(object.metadata.name ?? '');
    else if (this.catalogue.customVersion(resource)) this.#afterCustom(resource);
    return last;
  }

  /** A CRD that goes waits for the last of its objects. */
  #afterCustom({ group, plural }: ResourceType): void {
    const crds = this.resource('apiextensions.k8s.io', 'customresourcedefinitions');
    const crd = crds && this.state.get(crds, '', `${plural}.${group}`);
    if (crd?.metadata.deletionTimestamp) cleanUpCrd(this, crd);
  }

  #track(
    before: KubeObject | null,
    after: KubeObject,
    resource: ResourceType,
    schema: Schema,
    { manager, subresource }: WriteOptions,
  ): KubeObject {
    return trackWrite({
      before,
      after,
      manager,
      operation: 'Update',
      ...(subresource === undefined ? {} : { subresource }),
      schema,
      apiVersion: apiVersionOf(resource),
      nowIso: isoOf(this.clock.now()),
    });
  }

  /** As the kind's own fields, without what nobody knows. */
  #decoded(resource: ResourceType, given: KubeObject, schema: Schema, options: WriteOptions): KubeObject {
    const { object: known, unknown } = pruneUnknown(given, schema);
    if (unknown.length > 0) this.#aboutUnknown(resource, unknown, options);
    const wrong = decodeError(known, schema);
    if (wrong !== undefined) throw badRequest(wrong);
    return resource.group === '' && resource.plural === 'secrets' ? withStringData(known) : known;
  }

  #aboutUnknown(resource: ResourceType, unknown: string[], options: WriteOptions): void {
    const words = unknown.map((path) => `unknown field "${path}"`);
    if (options.fieldValidation === 'Strict') {
      const { kind, version } = resource;
      const subject = `${kind} in version "${version}" cannot be handled as a ${kind}`;
      throw badRequest(`${subject}: strict decoding error: ${words.join(', ')}`);
    }
    if (options.fieldValidation !== 'Ignore') for (const word of words) options.warn?.(word);
  }

  #guardNamespace(resource: ResourceType, namespace: string, name: string): void {
    const namespaces = { group: '', plural: 'namespaces' } as ResourceType;
    const found = this.state.get(namespaces, '', namespace);
    if (found === undefined) throw notFound(namespaces, namespace);
    if (!found.metadata.deletionTimestamp) return;
    const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
    const cause = {
      reason: 'NamespaceTerminating',
      message: `namespace ${namespace} is being terminated`,
      field: 'metadata.namespace',
    };
    throw forbidden(resource, name, why, [cause]);
  }
}

/** What an apply to this URL is about: the status is its subresource's alone. */
function partOf(
  resource: ResourceType,
  sent: KubeObject,
  name: string,
  subresource: string | undefined,
): KubeObject {
  const metadata = { ...sent.metadata, name };
  if (subresource === 'status') {
    const { apiVersion, kind } = sent;
    return { apiVersion, kind, metadata, ...('status' in sent ? { status: sent['status'] } : {}) };
  }
  const part: KubeObject = { ...sent, metadata };
  if (resource.subresources.status) delete part['status'];
  return part;
}

function patchedBy(
  before: KubeObject,
  body: Exclude<PatchBody, { kind: 'apply' }>,
  schema: Schema,
  { resource, name }: ObjectKey,
): KubeObject {
  if (body.kind === 'merge') return jsonMergePatch(before, body.patch);
  if (body.kind === 'json') {
    const outcome = jsonPatch(before, body.operations as JsonPatchOperation[]);
    if (outcome.outcome === 'refused')
      throw new ApiError(422, 'Invalid', outcome.message, detailsOf(resource, name));
    return outcome.object;
  }
  try {
    return strategicMergePatch(before, body.patch, schema);
  } catch (error) {
    if (error instanceof PatchError) throw badRequest(error.message);
    throw error;
  }
}

function guardIdentity({ resource, name }: ObjectKey, before: KubeObject, given: KubeObject): void {
  const { uid, resourceVersion } = given.metadata;
  if (uid && uid !== before.metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${before.metadata.uid ?? ''}`;
    throw conflict(resource, name, why);
  }
  if (resourceVersion && resourceVersion !== before.metadata.resourceVersion) throw modified(resource, name);
}

function guardPreconditions({ resource, name }: ObjectKey, before: KubeObject, options: DeleteOptions): void {
  const { uid, resourceVersion } = before.metadata;
  if (options.uid !== undefined && options.uid !== uid) {
    const why = `the UID in the precondition (${options.uid}) does not match the UID in record (${uid ?? ''}). The object might have been deleted and then recreated`;
    throw conflict(resource, name, why);
  }
  if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion) {
    const why = `the ResourceVersion in the precondition (${options.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion ?? ''}). The object might have been modified`;
    throw conflict(resource, name, why);
  }
}

function refuse(resource: ResourceType, object: KubeObject, errors: FieldError[]): void {
  if (errors.length === 0) return;
  const { group } = resource;
  throw invalidObject({ group, kind: object.kind }, object.metadata.name ?? '', errors);
}

function applyConflict(conflicts: Conflict[]): ApiError {
  const causes = conflicts.map(({ manager, field }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${manager}`,
    field,
  }));
  return new ApiError(409, 'Conflict', conflictMessage(conflicts), { causes });
}

/** It was to go, and nothing holds it any more. */
function isGone(object: KubeObject): boolean {
  const { deletionTimestamp, finalizers = [], deletionGracePeriodSeconds = 0 } = object.metadata;
  if (deletionTimestamp === undefined || finalizers.length > 0 || deletionGracePeriodSeconds > 0)
    return false;
  const held = object.kind === 'Namespace' && object.apiVersion === 'v1';
  return !held || ((object['spec'] as { finalizers?: string[] } | undefined)?.finalizers ?? []).length === 0;
}
