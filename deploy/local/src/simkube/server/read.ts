/** GET of one object and of collections: of now, or as they were at a version that is still known, page by page. */
import type { KubeObject, ResourceType } from '../types.ts';
import { badRequest, expired, notFound, tooLargeVersion, unnamed } from './apiError.ts';
import { answerJson, type Exchange } from './exchange.ts';
import { checkListOptions, versionOf } from './requestOptions.ts';
import { checkSelectable } from './selectableFields.ts';
import { predicateOf } from './selectors.ts';
import type { ListSelection, ObjectKey } from './store.ts';
import { showList, showOne } from './views.ts';

export async function getOne(exchange: Exchange, key: ObjectKey): Promise<void> {
  const { store } = exchange.cluster;
  const asked = versionOf(exchange.info.query.get('resourceVersion') ?? '');
  if (typeof asked !== 'number') throw unnamed(asked.wrong);
  if (asked > store.resourceVersion) throw tooLargeVersion(asked, store.resourceVersion);
  const object = store.get(key);
  if (object === undefined) throw notFound(key.resource, key.name);
  await answerJson(exchange, 200, showOne(exchange, key.resource, object));
}

export function selectionOf({ info, cluster }: Exchange, type: ResourceType): ListSelection {
  const selection = {
    namespace: info.namespace,
    labelSelector: info.query.get('labelSelector') ?? '',
    fieldSelector: info.query.get('fieldSelector') ?? '',
  };
  checkSelectable(selection, type, cluster.store.catalogue.customVersion(type));
  return selection;
}

/** Where a list goes on: after this place, in the state of this version. */
interface Cursor {
  version: number;
  after: string;
}

export async function listMany(exchange: Exchange, type: ResourceType): Promise<void> {
  const { store } = exchange.cluster;
  const { query } = exchange.info;
  checkListOptions(query, false);
  const cursor = cursorOf(query.get('continue'));
  const limit = Number(query.get('limit') ?? 0);
  const then = cursor?.version ?? exactVersion(query, store.resourceVersion);
  const objects = then === undefined ? store.state.all(type) : store.state.allAt(type, then);
  if (objects === undefined) throw expired(cursor ? cursorTooOld : listTooOld);
  const selection = selectionOf(exchange, type);
  const all = objects.filter(predicateOf(selection));
  const rest = cursor ? all.filter((object) => placeOf(object) > cursor.after) : all;
  const page = limit > 0 ? rest.slice(0, limit) : rest;
  const version = then ?? store.resourceVersion;
  const metadata: Record<string, unknown> = { resourceVersion: String(version) };
  const last = page.at(-1);
  if (last !== undefined && page.length < rest.length) {
    const next: Cursor = { version, after: placeOf(last) };
    metadata['continue'] = Buffer.from(JSON.stringify(next)).toString('base64url');
    // The real server counts keys, not what a selector would leave of them.
    if (!selection.labelSelector && !selection.fieldSelector)
      metadata['remainingItemCount'] = rest.length - page.length;
  }
  await answerJson(exchange, 200, showList(exchange, type, page, metadata));
}

const listTooOld = 'The resourceVersion for the provided list is too old.';
const cursorTooOld = 'The provided continue parameter is too old to display a consistent list result.';

/** The version whose state is asked for; undefined where the newest will do. */
function exactVersion(query: URLSearchParams, newest: number): number | undefined {
  const asked = versionOf(query.get('resourceVersion') ?? '');
  if (typeof asked !== 'number') throw badRequest(`invalid resource version: ${asked.wrong}`);
  if (asked > newest) throw tooLargeVersion(asked, newest);
  const match = query.get('resourceVersionMatch') ?? '';
  const isExact = match === 'Exact' || (match === '' && asked > 0 && Number(query.get('limit') ?? 0) > 0);
  return isExact ? asked : undefined;
}

/** In the order of the keys under which the real server keeps objects. */
function placeOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name ?? ''}`;
}

function cursorOf(token: string | null): Cursor | undefined {
  if (!token) return undefined;
  try {
    const cursor = JSON.parse(Buffer.from(token, 'base64url').toString('utf8')) as Partial<Cursor>;
    if (typeof cursor.version === 'number' && typeof cursor.after === 'string') return cursor as Cursor;
  } catch {
    // Said below.
  }
  throw badRequest('invalid continue token: continue key is not valid: it was not given by this server');
}
