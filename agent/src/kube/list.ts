/** A collection, page by page, so that a large one is never in memory as one text. */
import type { KubeObject } from '@flotilla/domain/object/types';
import type { KubeClient } from './client.ts';
import type { CallOptions } from './get.ts';
import type { Resource } from './resource.ts';
import { apiVersionOf, collectionPath, queryOf } from './resource.ts';

export interface ListSelection {
  resource: Resource;
  /** '' lists the whole cluster. */
  namespace: string;
  labelSelector?: string | undefined;
  /** Only metadata: a fraction of the bytes where nothing else is read. */
  metadataOnly?: boolean;
}

const metadataList = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';

interface ListPage {
  metadata: { resourceVersion?: string; continue?: string };
  items: KubeObject[] | null;
}

const pageSize = 500;

/**
 * Calls `onObject` for each object and returns the resourceVersion to watch from. A list that expired between two
 * pages rejects with Gone: begin again.
 */
export async function listObjects(
  kube: KubeClient,
  selection: ListSelection,
  onObject: (object: KubeObject) => void,
  options: CallOptions = {},
): Promise<string> {
  const apiVersion = apiVersionOf(selection.resource);
  let cursor: string | undefined;
  for (;;) {
    const query = queryOf({ limit: pageSize, labelSelector: selection.labelSelector, continue: cursor });
    const path = collectionPath(selection.resource, selection.namespace) + query;
    const accept = selection.metadataOnly ? metadataList : 'application/json';
    const page = (await kube.json({ method: 'GET', path, accept, ...options })) as ListPage;
    for (const item of page.items ?? []) onObject({ ...item, apiVersion, kind: selection.resource.kind });
    cursor = page.metadata.continue;
    if (cursor === undefined || cursor === '') return page.metadata.resourceVersion ?? '';
  }
}
