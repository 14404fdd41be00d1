/** What the API server fills in and keeps when an object is made or changed; pure but for the UID. */
import { randomBytes, randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { apiVersionOf, type KubeObject, type ObjectMeta, type ResourceType } from '../types.ts';
import { badRequest } from './apiError.ts';
import { withJobSelector } from './jobSelector.ts';
import { keepAddress } from './serviceAddress.ts';

/** Builtin kinds that count the changes of their spec. */
const counted = new Set(
  (
    'deployments replicasets statefulsets daemonsets replicationcontrollers jobs cronjobs pods networkpolicies ingresses ' +
    'ingressclasses poddisruptionbudgets customresourcedefinitions endpointslices priorityclasses flowschemas ' +
    'prioritylevelconfigurations mutatingwebhookconfigurations validatingwebhookconfigurations ' +
    'validatingadmissionpolicies validatingadmissionpolicybindings'
  ).split(' '),
);

const suffixAlphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** The body of a write as an object of its URL's kind and namespace. */
export function asObjectOf(type: ResourceType, body: unknown, namespace: string): KubeObject {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw badRequest('the object provided is unrecognized (must be of type ' + type.kind + ')');
  const given = body as Partial<KubeObject>;
  const expected = apiVersionOf(type);
  if (given.kind !== undefined && (given.kind !== type.kind || given.apiVersion !== expected)) {
    const words = `${given.kind} in version "${given.apiVersion ?? ''}" cannot be handled as a ${type.kind}`;
    throw badRequest(
      `${words}: no kind "${given.kind}" is registered for version "${given.apiVersion ?? ''}"`,
    );
  }
  const metadata: ObjectMeta = { ...given.metadata };
  if (type.namespaced) {
    if ((metadata.namespace ?? namespace) !== namespace) {
      throw badRequest(
        'the namespace of the provided object does not match the namespace sent on the request',
      );
    }
    metadata.namespace = namespace;
  } else delete metadata.namespace;
  if (metadata.creationTimestamp === null) delete metadata.creationTimestamp;
  return { ...given, apiVersion: expected, kind: type.kind, metadata };
}

/** A body says the name of its URL, and a patch changes no name. */
export function guardName(name: string, { metadata }: KubeObject): void {
  if (!metadata.name)
    throw badRequest(
      `the name of the object (${name} based on URL) was undeterminable: name must be provided`,
    );
  if (metadata.name !== name)
    throw badRequest(
      `the name of the object (${metadata.name}) does not match the name on the URL (${name})`,
    );
}

export function generatedName(prefix: string): string {
  const bytes = randomBytes(5);
  return prefix + [...bytes].map((byte) => suffixAlphabet[byte % suffixAlphabet.length]).join('');
}

/** System metadata of a new object; its status is not the client's to say. */
export function asNew(type: ResourceType, object: KubeObject, custom: boolean, now: string): KubeObject {
  const {
    generation: _generation,
    resourceVersion: _version,
    deletionTimestamp: _deletion,
    ...rest
  } = object.metadata;
  const metadata: ObjectMeta = { ...rest, uid: randomUUID(), creationTimestamp: now };
  if (custom || counted.has(type.plural)) metadata.generation = 1;
  delete metadata.deletionGracePeriodSeconds;
  const fresh: KubeObject = { ...object, metadata };
  if (type.subresources.status) delete fresh['status'];
  return withInitialFields(type, fresh);
}

function withInitialFields(type: ResourceType, object: KubeObject): KubeObject {
  if (type.group === 'batch' && type.plural === 'jobs')
    return withInitialStatus(type, withJobSelector(object));
  if (type.group !== '') return withInitialStatus(type, object);
  switch (type.plural) {
    case 'namespaces': {
      const labels = { ...object.metadata.labels, 'kubernetes.io/metadata.name': object.metadata.name ?? '' };
      return {
        ...object,
        metadata: { ...object.metadata, labels },
        spec: { finalizers: ['kubernetes'] },
        status: { phase: 'Active' },
      };
    }
    case 'pods':
      return { ...object, status: { phase: 'Pending', qosClass: 'BestEffort' } };
    case 'persistentvolumeclaims':
    case 'persistentvolumes':
      return { ...object, status: { phase: 'Pending' } };
    case 'services':
      return { ...object, status: { loadBalancer: {} } };
    case 'secrets':
      return withStringData(object);
    default:
      return object;
  }
}

function withInitialStatus(type: ResourceType, object: KubeObject): KubeObject {
  const started = ['deployments', 'jobs', 'cronjobs', 'replicasets', 'statefulsets', 'daemonsets'];
  if (type.plural === 'ingresses') return { ...object, status: { loadBalancer: {} } };
  if (!started.includes(type.plural)) return object;
  const counts: Record<string, object> = {
    replicasets: { replicas: 0 },
    statefulsets: { replicas: 0, availableReplicas: 0 },
    daemonsets: {
      currentNumberScheduled: 0,
      numberMisscheduled: 0,
      desiredNumberScheduled: 0,
      numberReady: 0,
    },
  };
  return { ...object, status: counts[type.plural] ?? {} };
}

/** `stringData` is written only: it becomes `data`. */
export function withStringData(object: KubeObject): KubeObject {
  const { stringData, ...rest } = object as KubeObject & { stringData?: Record<string, string> };
  if (stringData === undefined) return object;
  const encoded = Object.entries(stringData).map(([key, text]) => [
    key,
    Buffer.from(text).toString('base64'),
  ]);
  return { ...(rest as KubeObject), data: { ...(rest['data'] as object), ...Object.fromEntries(encoded) } };
}

/** A change keeps what is not the client's to change, and the half of the object that its URL is not about. */
export function asChange(
  type: ResourceType,
  before: KubeObject,
  object: KubeObject,
  subresource: string | undefined,
): KubeObject {
  const old = before.metadata;
  const metadata: ObjectMeta = { ...object.metadata };
  for (const field of [
    'uid',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'generation',
    'resourceVersion',
    'namespace',
    'name',
    'generateName',
  ] as const)
    keep(metadata, old, field);
  if (subresource === 'status') {
    const { managedFields } = metadata;
    const kept = { ...before, metadata: { ...old, ...(managedFields ? { managedFields } : {}) } };
    if ('status' in object) return { ...kept, status: object['status'] };
    const { status: _status, ...bare } = kept as KubeObject & { status?: unknown };
    return bare as KubeObject;
  }
  const after: KubeObject = isService(type)
    ? keepAddress(before, { ...object, metadata })
    : { ...object, metadata };
  if (type.subresources.status || isService(type)) {
    if ('status' in before) after['status'] = before['status'];
    else delete after['status'];
  }
  if (type.plural === 'namespaces' && type.group === '' && subresource !== 'finalize')
    after['spec'] = before['spec'];
  return after;
}

export function isService(type: ResourceType): boolean {
  return type.group === '' && type.plural === 'services';
}

function keep<Field extends keyof ObjectMeta>(metadata: ObjectMeta, old: ObjectMeta, field: Field): void {
  if (old[field] === undefined) delete metadata[field];
  else metadata[field] = old[field];
}

export function withGeneration(before: KubeObject, after: KubeObject): KubeObject {
  const generation = before.metadata.generation;
  if (generation === undefined || sameSpec(before, after)) return after;
  return { ...after, metadata: { ...after.metadata, generation: generation + 1 } };
}

function sameSpec(before: KubeObject, after: KubeObject): boolean {
  return isDeepStrictEqual(specOf(before), specOf(after));
}

function specOf(object: KubeObject): object {
  const {
    metadata: _metadata,
    status: _status,
    apiVersion: _apiVersion,
    ...rest
  } = object as KubeObject & {
    status?: unknown;
  };
  return rest;
}
