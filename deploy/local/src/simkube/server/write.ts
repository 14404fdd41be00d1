/** POST, PUT, PATCH and DELETE of objects: the request's words, made a call of the store. */
import type { JsonObject, KubeObject, ResourceType } from '../types.ts';
import { apiVersionOf } from '../types.ts';
import { ApiError, badRequest, detailsOf, noSuchPath, notFound } from './apiError.ts';
import { answerJson, type Exchange } from './exchange.ts';
import { asObjectOf, guardName } from './prepare.ts';
import { selectionOf } from './read.ts';
import { checkDeleteOptions, checkWriteOptions, type WriteKind } from './requestOptions.ts';
import type { DeleteOptions, ObjectKey, PatchBody, WriteOptions } from './store.ts';
import { showOne } from './views.ts';

export async function createOne(exchange: Exchange, type: ResourceType): Promise<void> {
  const options = writeOptionsOf(exchange, 'CreateOptions');
  const object = asObjectOf(type, exchange.body, exchange.info.namespace);
  const made = exchange.cluster.store.create(type, object, options);
  await answerJson(exchange, 201, showOne(exchange, type, made));
}

export async function updateOne(exchange: Exchange, key: ObjectKey): Promise<void> {
  const { store } = exchange.cluster;
  const options = writeOptionsOf(exchange, 'UpdateOptions');
  const object = asObjectOf(key.resource, exchange.body, key.namespace);
  guardName(key.name, object);
  if (
    key.resource.group === 'coordination.k8s.io' &&
    store.get(key) === undefined &&
    !exchange.info.subresource
  ) {
    // Leases are among the kinds that a PUT may make.
    await createOne(exchange, key.resource);
    return;
  }
  const changed = store.update(key.resource, object, options);
  await answerJson(exchange, 200, showOne(exchange, key.resource, changed));
}

const patchKinds: Record<string, PatchBody['kind']> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
};

export async function patchOne(exchange: Exchange, key: ObjectKey): Promise<void> {
  const { store } = exchange.cluster;
  const body = patchBodyOf(exchange, key.resource);
  const options = writeOptionsOf(exchange, 'PatchOptions', body.kind === 'apply');
  const { object, created } = store.patch(key, body, options);
  await answerJson(exchange, created ? 201 : 200, showOne(exchange, key.resource, object));
}

function patchBodyOf({ request, info, body, cluster }: Exchange, type: ResourceType): PatchBody {
  const contentType = (request.headers['content-type'] ?? '').split(';')[0]?.trim() ?? '';
  const kind = patchKinds[contentType];
  if (kind === undefined || (kind === 'strategic' && cluster.store.catalogue.customVersion(type))) {
    const known = Object.keys(patchKinds).join(', ');
    const words = `the body of the request was in an unknown format - accepted media types include: ${known}`;
    throw new ApiError(415, 'UnsupportedMediaType', words);
  }
  if (kind === 'json') {
    if (!Array.isArray(body)) throw badRequest('error decoding patch: a JSON patch is a list of operations');
    return { kind, operations: body };
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw badRequest('error decoding patch: it is no object');
  if (kind !== 'apply') return { kind, patch: body as JsonObject };
  return { kind, applied: body as JsonObject, force: info.query.get('force') === 'true' };
}

function writeOptionsOf(
  { info, request, warnings }: Exchange,
  kind: WriteKind,
  isApply = false,
): WriteOptions {
  checkWriteOptions(kind, info.query, isApply);
  const agent = request.headers['user-agent'] ?? '';
  const validation = info.query.get('fieldValidation');
  return {
    manager: info.query.get('fieldManager') || (agent.split('/')[0] ?? '') || 'unknown',
    dryRun: info.query.has('dryRun'),
    ...(info.subresource === '' ? {} : { subresource: info.subresource }),
    fieldValidation: validation === 'Strict' || validation === 'Ignore' ? validation : 'Warn',
    warn: (message) => warnings.push(message),
  };
}

export async function deleteOne(exchange: Exchange, key: ObjectKey): Promise<void> {
  const { store } = exchange.cluster;
  const options = deleteOptionsOf(exchange);
  const last = store.delete(key, options);
  const left = store.get(key);
  if (left !== undefined && !options.dryRun) {
    await answerJson(exchange, 200, showOne(exchange, key.resource, left));
    return;
  }
  const details = { ...detailsOf(key.resource, key.name), uid: last.metadata.uid ?? '' };
  const done = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
  await answerJson(exchange, 200, done);
}

export async function deleteMany(exchange: Exchange, type: ResourceType): Promise<void> {
  const { store } = exchange.cluster;
  const options = deleteOptionsOf(exchange);
  const objects = store.list(type, selectionOf(exchange, type));
  for (const { metadata } of objects) {
    const key = { resource: type, namespace: metadata.namespace ?? '', name: metadata.name ?? '' };
    if (store.get(key)) store.delete(key, options);
  }
  const metadata = { resourceVersion: String(store.resourceVersion) };
  await answerJson(exchange, 200, {
    kind: `${type.kind}List`,
    apiVersion: apiVersionOf(type),
    metadata,
    items: objects,
  });
}

interface DeleteBody {
  propagationPolicy?: string;
  orphanDependents?: boolean;
  gracePeriodSeconds?: number;
  preconditions?: { uid?: string; resourceVersion?: string };
  dryRun?: string[];
}

function deleteOptionsOf({ body, info }: Exchange): DeleteOptions {
  const sent = (body ?? {}) as DeleteBody;
  const { orphanDependents } = sent;
  const named = sent.propagationPolicy ?? info.query.get('propagationPolicy') ?? undefined;
  const dryRun = sent.dryRun ?? info.query.getAll('dryRun');
  checkDeleteOptions({
    ...(named === undefined ? {} : { propagationPolicy: named }),
    ...(orphanDependents === undefined ? {} : { orphanDependents }),
    dryRun,
  });
  const orphan = orphanDependents === true ? 'Orphan' : undefined;
  const propagation = (named as DeleteOptions['propagation']) ?? orphan;
  const grace = sent.gracePeriodSeconds ?? info.query.get('gracePeriodSeconds') ?? undefined;
  return {
    ...(propagation ? { propagation } : {}),
    ...(sent.preconditions?.uid ? { uid: sent.preconditions.uid } : {}),
    ...(sent.preconditions?.resourceVersion ? { resourceVersion: sent.preconditions.resourceVersion } : {}),
    ...(grace === undefined ? {} : { gracePeriodSeconds: Number(grace) }),
    dryRun: dryRun.length > 0,
  };
}

/** `/scale` of what has replicas: read, replaced or patched as one small object. */
export async function scaleOne(exchange: Exchange, key: ObjectKey): Promise<void> {
  const { store } = exchange.cluster;
  const object = store.get(key);
  if (object === undefined) throw notFound(key.resource, key.name);
  if (!key.resource.subresources.scale) throw noSuchPath();
  if (exchange.info.verb === 'get') {
    await answerJson(exchange, 200, scaleOf(object));
    return;
  }
  const sent = exchange.body as { spec?: { replicas?: number } } | undefined;
  const replicas = sent?.spec?.replicas;
  if (typeof replicas !== 'number') throw badRequest('a scale needs spec.replicas');
  const kind = exchange.info.verb === 'patch' ? 'PatchOptions' : 'UpdateOptions';
  const { subresource: _subresource, ...options } = writeOptionsOf(exchange, kind);
  const changed = store.patch(key, { kind: 'merge', patch: { spec: { replicas } } }, options).object;
  await answerJson(exchange, 200, scaleOf(changed));
}

function scaleOf(object: KubeObject): object {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const spec = object['spec'] as { replicas?: number; selector?: { matchLabels?: Record<string, string> } };
  const status = object['status'] as { replicas?: number } | undefined;
  const selector = Object.entries(spec.selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: spec.replicas ?? 0 },
    status: { replicas: status?.replicas ?? 0, selector: selector.join(',') },
  };
}
