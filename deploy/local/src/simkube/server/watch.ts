/**
 * An answer that goes on: changes from a version on, in order, with bookmarks while it is quiet. What entered or left the
 * selection is told as added or deleted.
 */
import type { KubeObject, ResourceType } from '../types.ts';
import { apiVersionOf } from '../types.ts';
import { expired, statusOf } from './apiError.ts';
import { apiVersionAs } from './catalogue.ts';
import { tableOf } from './clusterState.ts';
import type { Exchange } from './exchange.ts';
import { selectionOf } from './read.ts';
import { isTrue } from './requestInfo.ts';
import { predicateOf, type Predicate } from './selectors.ts';
import type { ObjectEvent } from './store.ts';
import { showOne } from './views.ts';

const bookmarkMs = 50_000;
const defaultTimeoutSeconds = 1_800;
const pendingBytesMax = 32 * 1_024 * 1_024;

interface Following {
  exchange: Exchange;
  type: ResourceType;
  fits: Predicate;
  table: string;
}

export function watchMany(exchange: Exchange, type: ResourceType): void {
  const { cluster, response, info } = exchange;
  const following = {
    exchange,
    type,
    fits: watchedBy(exchange),
    table: tableOf(type),
  };
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

function watchedBy(exchange: Exchange): Predicate {
  const fits = predicateOf(selectionOf(exchange));
  const { name } = exchange.info;
  return name === '' ? fits : (object) => object.metadata.name === name && fits(object);
}

/** What the client does not know yet; false where that is no longer known here either. */
function begin(following: Following): boolean {
  const { exchange, type } = following;
  const { state } = exchange.cluster.store;
  const { query } = exchange.info;
  const asked = query.get('resourceVersion') ?? '';
  const initial = query.get('sendInitialEvents') === 'true' || asked === '' || asked === '0';
  if (initial) {
    for (const object of state.all(type)) if (following.fits(object)) send(following, 'ADDED', object);
    if (query.get('sendInitialEvents') === 'true')
      bookmark(following, { 'k8s.io/initial-events-end': 'true' });
    return true;
  }
  const missed = state.since(Number(asked));
  if (missed !== undefined) {
    for (const event of missed) tell(following, event);
    return true;
  }
  const status = statusOf(expired(Number(asked), state.oldestVersion));
  exchange.response.end(`${JSON.stringify({ type: 'ERROR', object: status })}\n`);
  return false;
}

function tell(following: Following, event: ObjectEvent): void {
  if (tableOf(event.resource) !== following.table) return;
  const fitted = event.before !== null && following.fits(event.before);
  const fits = event.type !== 'DELETED' && following.fits(event.object);
  if (fits) send(following, fitted ? 'MODIFIED' : 'ADDED', event.object);
  else if (fitted) send(following, 'DELETED', event.type === 'DELETED' ? event.object : leaving(event));
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
  const timeoutMs = Number(query.get('timeoutSeconds') ?? defaultTimeoutSeconds) * 1_000;
  const endMs = performance.now() + timeoutMs;
  let bookmarkDueMs = performance.now() + bookmarkMs;
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
