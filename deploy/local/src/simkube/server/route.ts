/** The way of one request: who asks, may they, and which handler answers. */
import type { ResourceType } from '../types.ts';
import {
  ApiError,
  badRequest,
  forbidden,
  methodNotAllowed,
  noSuchPath,
  notAcceptable,
  notFound,
} from './apiError.ts';
import { answerDiscovery } from './discovery.ts';
import { answerJson, answerText, readBody, type Exchange } from './exchange.ts';
import type { FaultRule } from './faults.ts';
import { formOf } from './mediaType.ts';
import { answerOpenApi } from './openapi.ts';
import { mayDo } from './rbac.ts';
import { getOne, listMany } from './read.ts';
import { answerReview, answerTokenRequest, isReview } from './reviews.ts';
import type { ObjectKey } from './store.ts';
import { watchMany } from './watch.ts';
import { createOne, deleteMany, deleteOne, patchOne, scaleOne, updateOne } from './write.ts';

const versionInfo = {
  major: '1',
  minor: '36',
  gitVersion: 'v1.36.3+simkube',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '2026-01-01T00:00:00Z',
  goVersion: '',
  compiler: 'node',
  platform: `${process.platform}/${process.arch}`,
};

export async function route(exchange: Exchange): Promise<void> {
  const { info, request } = exchange;
  if (request.method !== 'GET' && request.method !== 'HEAD') exchange.body = await readBody(request);
  authorize(exchange);
  guardAccepted(exchange);
  if (info.isResource) return routeResource(exchange);
  const { path } = info;
  if (/^\/(healthz|livez|readyz)(\/|$)/.test(path)) return answerText(exchange, 'ok');
  if (path === '/version' || path === '/version/') return answerJson(exchange, 200, versionInfo);
  if (/^\/apis?(\/|$)/.test(path)) return answerDiscovery(exchange);
  if (/^\/openapi\/v3(\/|$)/.test(path)) return answerOpenApi(exchange);
  if (path.startsWith('/simkube/')) return routeControl(exchange);
  if (path === '/') return answerJson(exchange, 200, { paths: ['/api', '/apis', '/openapi/v3', '/version'] });
  throw noSuchPath();
}

function authorize({ cluster, info, user }: Exchange): void {
  const { verb, group, resource, subresource, namespace, name, path, isResource } = info;
  const asked = { verb, group, resource, subresource, namespace, name };
  // An object that is a namespace is one of its own namespace to RBAC.
  if (resource === 'namespaces' && group === '') asked.namespace = name;
  if (mayDo(cluster.store, user, isResource ? asked : { ...asked, path })) return;
  if (!isResource) {
    const why = `User "${user.name}" cannot ${verb} path "${path}"`;
    throw new ApiError(403, 'Forbidden', `forbidden: ${why}`);
  }
  const full = subresource === '' ? resource : `${resource}/${subresource}`;
  const where = asked.namespace === '' ? ' at the cluster scope' : ` in the namespace "${asked.namespace}"`;
  const why = `User "${user.name}" cannot ${verb} resource "${full}" in API group "${group}"${where}`;
  throw forbidden({ group, plural: resource }, name, why);
}

/** A client that reads nothing of what is served would take an answer for something else. */
function guardAccepted({ info, request }: Exchange): void {
  if (!info.isResource && !/^\/(apis?|openapi)(\/|$)/.test(info.path)) return;
  const form = formOf(request.headers.accept);
  if (form === undefined || (form === 'yaml' && info.verb === 'watch')) throw notAcceptable();
}

/** Faults and counters of this cluster; administrators only, since no role allows these paths. */
function routeControl(exchange: Exchange): Promise<void> {
  const { info, cluster, body, request } = exchange;
  if (info.path === '/simkube/requests') return answerJson(exchange, 200, cluster.audit?.counters() ?? {});
  if (info.path !== '/simkube/faults') throw noSuchPath();
  if (request.method === 'DELETE') cluster.faults.clear();
  else if ((body as FaultRule | undefined)?.kind === 'compact') cluster.store.state.compact();
  else if (request.method === 'POST' && body !== undefined) cluster.faults.add(body as FaultRule);
  else throw badRequest('a fault is posted as {"kind": ...}');
  return answerJson(exchange, 200, {});
}

function routeResource(exchange: Exchange): Promise<void> | void {
  const { info, cluster } = exchange;
  if (isReview(exchange)) return answerReview(exchange);
  const type = cluster.store.resource(info.group, info.resource, info.version);
  if (type === undefined) throw noSuchPath();
  if (info.verb === 'create' && info.name !== '' && info.subresource === '') throw methodNotAllowed();
  const key = { resource: type, namespace: info.namespace, name: info.name };
  if (info.subresource !== '') return routeSubresource(exchange, key);
  switch (info.verb) {
    case 'get':
      return getOne(exchange, key);
    case 'list':
      return listMany(exchange, type);
    case 'watch':
      return watchMany(exchange, type);
    case 'create':
      guardNamespace(type, info.namespace);
      return createOne(exchange, type);
    case 'update':
      return updateOne(exchange, key);
    case 'patch':
      return patchOne(exchange, key);
    case 'delete':
      return deleteOne(exchange, key);
    case 'deletecollection':
      return deleteMany(exchange, type);
    default:
      throw methodNotAllowed();
  }
}

function guardNamespace(type: ResourceType, namespace: string): void {
  if (type.namespaced && namespace === '')
    throw badRequest('an empty namespace may not be set during creation');
}

function routeSubresource(exchange: Exchange, key: ObjectKey): Promise<void> | void {
  const { info } = exchange;
  const name = info.subresource;
  if (name === 'log') return answerLog(exchange, key);
  if (name === 'token' && info.verb === 'create') return answerTokenRequest(exchange, key);
  if (name === 'scale') return scaleOne(exchange, key);
  const known = name === 'finalize' || name === 'approval' || (name === 'status' && hasStatus(key.resource));
  if (!known) throw noSuchPath();
  if (info.verb === 'get') return getOne(exchange, key);
  if (info.verb === 'update') return updateOne(exchange, key);
  if (info.verb === 'patch') return patchOne(exchange, key);
  throw methodNotAllowed();
}

function hasStatus(type: ResourceType): boolean {
  return type.subresources.status === true;
}

function answerLog(exchange: Exchange, key: ObjectKey): void {
  const { cluster, info } = exchange;
  const pod = cluster.store.get(key);
  if (pod === undefined) throw notFound(key.resource, key.name);
  const containers = (pod['spec'] as { containers?: { name: string }[] }).containers ?? [];
  const container = info.query.get('container') ?? containers[0]?.name ?? '';
  if (!containers.some(({ name }) => name === container))
    throw badRequest(`container ${container} is not valid for pod ${key.name}`);
  const text = cluster.controllers?.podLog(pod, container) ?? '';
  const lines = Number(info.query.get('tailLines') ?? NaN);
  answerText(exchange, Number.isNaN(lines) ? text : tailOf(text, lines));
}

function tailOf(text: string, lines: number): string {
  const all = text.split('\n');
  return lines === 0 ? '' : all.slice(-lines - 1).join('\n');
}
