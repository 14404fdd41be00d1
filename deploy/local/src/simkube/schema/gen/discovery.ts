/** Reads which resources the real API server serves, and the columns that `kubectl get` shows for each. */
import type { ApiConnection } from '../../../kubelab/api.ts';
import type { ResourceType, Verb } from '../../types.ts';
import type { TableColumn } from '../builtin.ts';

interface ApiResource {
  name: string;
  singularName: string;
  namespaced: boolean;
  kind: string;
  verbs: Verb[];
  shortNames?: string[];
  categories?: string[];
  storageVersionHash?: string;
}

export async function readResources(api: ApiConnection): Promise<ResourceType[]> {
  const groups = await api.call<{ groups: { versions: { groupVersion: string }[] }[] }>('/apis');
  const groupVersions = groups.groups.flatMap(({ versions }) => versions.map((v) => v.groupVersion));
  const resources: ResourceType[] = [];
  for (const groupVersion of ['v1', ...groupVersions])
    resources.push(...(await readGroupVersion(api, groupVersion)));
  return resources;
}

async function readGroupVersion(api: ApiConnection, groupVersion: string): Promise<ResourceType[]> {
  const path = groupVersion === 'v1' ? '/api/v1' : `/apis/${groupVersion}`;
  const { resources } = await api.call<{ resources: ApiResource[] }>(path);
  const names = new Set(resources.map(({ name }) => name));
  const [first = '', second] = groupVersion.split('/');
  return resources
    .filter(({ name }) => !name.includes('/'))
    .map((resource) => ({
      group: second === undefined ? '' : first,
      version: second ?? first,
      kind: resource.kind,
      plural: resource.name,
      singular: resource.singularName,
      namespaced: resource.namespaced,
      shortNames: resource.shortNames ?? [],
      categories: resource.categories ?? [],
      verbs: resource.verbs,
      subresources: {
        ...(names.has(`${resource.name}/status`) ? { status: true as const } : {}),
        ...(names.has(`${resource.name}/scale`) ? { scale: true as const } : {}),
      },
      ...(resource.storageVersionHash === undefined
        ? {}
        : { storageVersionHash: resource.storageVersionHash }),
    }));
}

/** By `group/plural`. */
export async function readTableColumns(
  kubectlGet: (path: string) => Promise<unknown>,
  resources: readonly ResourceType[],
): Promise<Record<string, TableColumn[]>> {
  const columns: Record<string, TableColumn[]> = {};
  for (const { group, version, plural, verbs } of resources) {
    const key = `${group}/${plural}`;
    if (!verbs.includes('list') || columns[key] !== undefined) continue;
    const path = group === '' ? `/api/${version}/${plural}` : `/apis/${group}/${version}/${plural}`;
    const table = (await kubectlGet(path)) as { columnDefinitions?: TableColumn[] };
    columns[key] = (table.columnDefinitions ?? []).map(({ name, type, format, description, priority }) => ({
      name,
      type,
      format,
      description: description.slice(0, 60),
      priority,
    }));
  }
  return columns;
}
