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
}

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
    const page = (await kube.json({ method: 'GET', path, ...options })) as ListPage;
    for (const item of page.items ?? []) {
      item.apiVersion ??= apiVersion;
      item.kind ??= selection.resource.kind;
      onObject(item);
    }
    cursor = page.metadata.continue;
    if (cursor === undefined || cursor === '') return page.metadata.resourceVersion ?? '';
  }
}
