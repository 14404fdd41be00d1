/**
 * An answer that goes on: changes from a version on, in order, with bookmarks while it is quiet. What entered or left the
 * selection is told as added or deleted.
 */
import type { KubeObject, ResourceType } from '../types.ts';
import { apiVersionOf } from '../types.ts';
import { expired, statusOf, unnamed } from './apiError.ts';
import { apiVersionAs, isCrd } from './catalogue.ts';
import { tableOf } from './clusterState.ts';
import type { Exchange } from './exchange.ts';
import { selectionOf } from './read.ts';
import { isTrue } from './requestInfo.ts';
import { checkListOptions, versionOf } from './requestOptions.ts';
import { predicateOf, type Predicate } from './selectors.ts';
import type { ObjectEvent } from './store.ts';
import { showOne } from './views.ts';

const bookmarkMs = 50_000;
/** A watch that ends by itself has a bookmark shortly before, from which its client goes on. */
const lastBookmarkMs = 2_000;
const defaultTimeoutSeconds = 1_800;
const pendingBytesMax = 32 * 1_024 * 1_024;

interface Following {
  exchange: Exchange;
  type: ResourceType;
  fits: Predicate;
  table: string;
  /** Only what came after it is told. */
  from: number;
}

export function watchMany(exchange: Exchange, type: ResourceType): void {
  const { cluster, response, info } = exchange;
  checkListOptions(info.query, true);
  const from = versionOf(info.query.get('resourceVersion') ?? '');
  if (typeof from !== 'number') throw unnamed(from.wrong);
  const following = { exchange, type, fits: watchedBy(exchange, type), table: tableOf(type), from };
  response.writeHead(200, {
    'content-type': 'application/json;stream=watch',
    'cache-control': 'no-cache, private',
  });
  response.flushHeaders();
  if (!begin(following)) return;
  const stall = cluster.faults.take('watch-stall', info, exchange.request.headers['user-agent'] ?? '');
  if (stall) return;
  const unwatch = cluster.store.watch((event) => tell(following, event));
  const stopTicking = cluster.ticker.add(tickOf(following));
  response.once('close', () => {
    unwatch();
    stopTicking();
  });
}

function watchedBy(exchange: Exchange, type: ResourceType): Predicate {
  const fits = predicateOf(selectionOf(exchange, type));
  const { name } = exchange.info;
  return name === '' ? fits : (object) => object.metadata.name === name && fits(object);
}

/** What the client does not know yet; false where that is no longer known here either. */
function begin(following: Following): boolean {
  const { exchange, type, from } = following;
  const { state } = exchange.cluster.store;
  const { query } = exchange.info;
  const wanted = query.get('sendInitialEvents');
  if (wanted === 'false' && from === 0) return true;
  const initial = wanted === 'true' || from === 0;
  if (initial) {
    for (const object of state.all(type)) if (following.fits(object)) send(following, 'ADDED', object);
    if (wanted === 'true') bookmark(following, { 'k8s.io/initial-events-end': 'true' });
    return true;
  }
  const oldest = state.oldestVersionOf(type);
  const missed = from < oldest ? undefined : state.since(from);
  if (missed !== undefined) {
    for (const event of missed) tell(following, event);
    return true;
  }
  const status = statusOf(expired(`too old resource version: ${from} (${oldest})`));
  exchange.response.end(`${JSON.stringify({ type: 'ERROR', object: status })}\n`);
  return false;
}

function tell(following: Following, event: ObjectEvent): void {
  if (isEndOf(following.type, event)) following.exchange.response.end();
  if (tableOf(event.resource) !== following.table || event.resourceVersion <= following.from) return;
  const fitted = event.before !== null && following.fits(event.before);
  const fits = event.type !== 'DELETED' && following.fits(event.object);
  if (fits) send(following, fitted ? 'MODIFIED' : 'ADDED', event.object);
  else if (fitted) send(following, 'DELETED', event.type === 'DELETED' ? event.object : leaving(event));
}

/** Whether this kind is no longer served. */
function isEndOf({ group, plural }: ResourceType, { type, resource, object }: ObjectEvent): boolean {
  return type === 'DELETED' && isCrd(resource) && object.metadata.name === `${plural}.${group}`;
}

/** An object that left the selection is shown as it was, at the version at which it left. */
function leaving({ before, object }: ObjectEvent): KubeObject {
  const shown = before ?? object;
  const { resourceVersion } = object.metadata;
  return { ...shown, metadata: { ...shown.metadata, ...(resourceVersion ? { resourceVersion } : {}) } };
}

function send({ exchange, type }: Following, kind: string, object: KubeObject): void {
  const shown = showOne(exchange, type, apiVersionAs(object, type));
  write(exchange, { type: kind, object: shown });
}

function bookmark({ exchange, type }: Following, annotations?: Record<string, string>): void {
  const resourceVersion = String(exchange.cluster.store.resourceVersion);
  const metadata = { resourceVersion, ...(annotations ? { annotations } : {}) };
  write(exchange, {
    type: 'BOOKMARK',
    object: { kind: type.kind, apiVersion: apiVersionOf(type), metadata },
  });
}

/** A client that does not read is cut off: it resumes from where it was. */
function write({ response }: Exchange, event: object): void {
  response.write(`${JSON.stringify(event)}\n`);
  if (response.writableLength > pendingBytesMax) response.destroy();
}

function tickOf(following: Following): (nowMs: number) => void {
  const { query } = following.exchange.info;
  const timeoutMs = (Number(query.get('timeoutSeconds') ?? 0) || defaultTimeoutSeconds) * 1_000;
  const beganMs = performance.now();
  const endMs = beganMs + timeoutMs;
  const beforeEndMs = endMs - lastBookmarkMs;
  let bookmarkDueMs = beganMs + bookmarkMs;
  if (beforeEndMs > beganMs) bookmarkDueMs = Math.min(bookmarkDueMs, beforeEndMs);
  const wanted = isTrue(query.get('allowWatchBookmarks') ?? 'false');
  return (nowMs) => {
    if (nowMs >= endMs) {
      following.exchange.response.end();
      return;
    }
    if (!wanted || nowMs < bookmarkDueMs) return;
    bookmarkDueMs = nowMs + bookmarkMs;
    bookmark(following);
  };
}
