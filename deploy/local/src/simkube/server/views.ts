/** The shapes in which objects are asked for: whole, their metadata alone, or as rows of a table. */
import type { KubeObject, ResourceType } from '../types.ts';
import { apiVersionOf } from '../types.ts';
import type { Exchange } from './exchange.ts';
import { columnsOf, rowOf } from './table.ts';

export type View = 'whole' | 'metadata' | 'table';

export function viewOf(accept: string | undefined): View {
  const first = (accept ?? '').split(',').find((part) => part.includes('json')) ?? '';
  if (/;\s*as=Table/.test(first)) return 'table';
  return /;\s*as=PartialObjectMetadata/.test(first) ? 'metadata' : 'whole';
}

export function showOne(exchange: Exchange, type: ResourceType, object: KubeObject): unknown {
  switch (viewOf(exchange.request.headers.accept)) {
    case 'whole':
      return object;
    case 'metadata':
      return metadataOf(object);
    case 'table':
      return tableOf(exchange, type, [object], { resourceVersion: object.metadata.resourceVersion ?? '' });
  }
}

export function showList(
  exchange: Exchange,
  type: ResourceType,
  objects: KubeObject[],
  metadata: Record<string, unknown>,
): unknown {
  switch (viewOf(exchange.request.headers.accept)) {
    case 'whole':
      return listOf(type, objects, metadata);
    case 'metadata':
      return {
        kind: 'PartialObjectMetadataList',
        apiVersion: 'meta.k8s.io/v1',
        metadata,
        items: objects.map(metadataOf),
      };
    case 'table':
      return tableOf(exchange, type, objects, metadata);
  }
}

function listOf(type: ResourceType, objects: KubeObject[], metadata: Record<string, unknown>): unknown {
  // Items of a builtin list say nothing of their kind, as those of the real one.
  const builtin = type.storageVersionHash !== undefined;
  const items = builtin ? objects.map(({ apiVersion: _version, kind: _kind, ...rest }) => rest) : objects;
  return { kind: `${type.kind}List`, apiVersion: apiVersionOf(type), metadata, items };
}

function metadataOf(object: KubeObject): unknown {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}

function tableOf(
  { cluster, info }: Exchange,
  type: ResourceType,
  objects: KubeObject[],
  metadata: Record<string, unknown>,
): unknown {
  const columns = columnsOf(type, cluster.store.catalogue.customVersion(type));
  const include = info.query.get('includeObject') ?? 'Metadata';
  const now = cluster.store.clock.now();
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: columns.map(({ path: _path, ...column }) => column),
    rows: objects.map((object) => ({
      cells: rowOf(type, columns, object, now),
      ...(include === 'None' ? {} : { object: include === 'Object' ? object : metadataOf(object) }),
    })),
  };
}
