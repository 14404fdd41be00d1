/** GET of one object and of collections, page by page. */
import type { KubeObject, ResourceType } from '../types.ts';
import { badRequest, expired, notFound } from './apiError.ts';
import { answerJson, type Exchange } from './exchange.ts';
import type { ListSelection, ObjectKey } from './store.ts';
import { showList, showOne } from './views.ts';

export async function getOne(exchange: Exchange, key: ObjectKey): Promise<void> {
  const object = exchange.cluster.store.get(key);
  if (object === undefined) throw notFound(key.resource, key.name);
  await answerJson(exchange, 200, showOne(exchange, key.resource, object));
}

export function selectionOf({ info }: Exchange): ListSelection {
  return {
    namespace: info.namespace,
    labelSelector: info.query.get('labelSelector') ?? '',
    fieldSelector: info.query.get('fieldSelector') ?? '',
  };
}

interface Cursor {
  version: number;
  after: string;
}

export async function listMany(exchange: Exchange, type: ResourceType): Promise<void> {
  const { store } = exchange.cluster;
  const { query } = exchange.info;
  const cursor = cursorOf(query.get('continue'));
  if (cursor && cursor.version < store.state.oldestVersion)
    throw expired(cursor.version, store.state.oldestVersion);
  const version = cursor?.version ?? store.resourceVersion;
  const limit = Number(query.get('limit') ?? 0);
  const all = store.list(type, selectionOf(exchange));
  const rest = cursor ? all.filter((object) => placeOf(object) > cursor.after) : all;
  const page = limit > 0 ? rest.slice(0, limit) : rest;
  const metadata: Record<string, unknown> = { resourceVersion: String(version) };
  const last = page.at(-1);
  if (last !== undefined && page.length < rest.length) {
    const next: Cursor = { version, after: placeOf(last) };
    metadata['continue'] = Buffer.from(JSON.stringify(next)).toString('base64url');
    metadata['remainingItemCount'] = rest.length - page.length;
  }
  await answerJson(exchange, 200, showList(exchange, type, page, metadata));
}

function placeOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name ?? ''}`;
}

function cursorOf(token: string | null): Cursor | undefined {
  if (!token) return undefined;
  try {
    return JSON.parse(Buffer.from(token, 'base64url').toString('utf8')) as Cursor;
  } catch {
    throw badRequest('continue key is not valid: it was not given by this server');
  }
}
