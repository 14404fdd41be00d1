/** What the cluster serves: aggregated (v2) for clients that ask for it, else list by list. */
import { apiVersionOf, type ResourceType } from '../types.ts';
import { noSuchPath } from './apiError.ts';
import type { Catalogue } from './catalogue.ts';
import { answerJson, type Exchange } from './exchange.ts';

const aggregatedType = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
const withLog = 'pods';

export async function answerDiscovery(exchange: Exchange): Promise<void> {
  const { path } = exchange.info;
  const types = exchange.cluster.store.resources();
  const parts = path.split('/').filter((part) => part !== '');
  const wantsAll = (exchange.request.headers.accept ?? '').includes('v=v2;as=APIGroupDiscoveryList');
  if (parts.length === 1 && wantsAll) {
    answerAggregated(exchange, types, parts[0] === 'api');
    return;
  }
  await answerJson(exchange, 200, legacyOf(types, parts));
}

function answerAggregated(exchange: Exchange, types: readonly ResourceType[], core: boolean): void {
  const { request, response, cluster } = exchange;
  const etag = `"${cluster.store.cluster}-${cluster.store.catalogue.generation}"`;
  if (request.headers['if-none-match'] === etag) {
    response.writeHead(304, { etag, vary: 'Accept' });
    response.end();
    return;
  }
  const items = groupsOf(types.filter(({ group }) => (group === '') === core)).map((group) =>
    aggregatedGroup(group, cluster.store.catalogue),
  );
  const body = JSON.stringify({
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items,
  });
  response.writeHead(200, {
    'content-type': aggregatedType,
    etag,
    vary: 'Accept',
    'cache-control': 'public',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

interface Group {
  name: string;
  versions: { version: string; types: ResourceType[] }[];
}

/** Groups and versions in the order in which they are served: the first version is preferred. */
function groupsOf(types: readonly ResourceType[]): Group[] {
  const groups = new Map<string, Map<string, ResourceType[]>>();
  for (const type of types) {
    const versions = groups.get(type.group) ?? new Map<string, ResourceType[]>();
    groups.set(type.group, versions);
    versions.set(type.version, [...(versions.get(type.version) ?? []), type]);
  }
  return [...groups].map(([name, versions]) => ({
    name,
    versions: [...versions].map(([version, list]) => ({ version, types: list })),
  }));
}

function aggregatedGroup({ name, versions }: Group, catalogue: Catalogue): object {
  return {
    metadata: { ...(name === '' ? {} : { name }), creationTimestamp: null },
    versions: versions.map(({ version, types }) => ({
      version,
      freshness: 'Current',
      resources: types.map((type) => aggregatedResource(type, catalogue.customVersion(type) !== undefined)),
    })),
  };
}

function aggregatedResource(type: ResourceType, isCustom: boolean): object {
  const own = { group: type.group, version: type.version, kind: type.kind };
  // Of a builtin kind the real server says no more here than its name.
  const shown = (kind: typeof own) =>
    !isCustom && kind.kind === type.kind ? { ...kind, group: '', version: '' } : kind;
  const responseKind = shown(own);
  const subresources = subresourcesOf(type).map(({ name, verbs, kind }) => ({
    subresource: name,
    responseKind: shown(kind),
    verbs,
  }));
  return {
    resource: type.plural,
    responseKind,
    scope: type.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: type.singular,
    verbs: type.verbs,
    ...(type.shortNames.length > 0 ? { shortNames: type.shortNames } : {}),
    ...(type.categories.length > 0 ? { categories: type.categories } : {}),
    ...(subresources.length > 0 ? { subresources } : {}),
  };
}

interface Subresource {
  name: string;
  verbs: string[];
  kind: { group: string; version: string; kind: string };
}

function subresourcesOf(type: ResourceType): Subresource[] {
  const own = { group: type.group, version: type.version, kind: type.kind };
  const scale = { group: 'autoscaling', version: 'v1', kind: 'Scale' };
  const verbs = ['get', 'patch', 'update'];
  const list: Subresource[] = [];
  if (type.subresources.status) list.push({ name: 'status', verbs, kind: own });
  if (type.subresources.scale) list.push({ name: 'scale', verbs, kind: scale });
  if (type.group === '' && type.plural === withLog) list.push({ name: 'log', verbs: ['get'], kind: own });
  return list;
}

function legacyOf(types: readonly ResourceType[], parts: string[]): object {
  const [root, group = '', version = ''] = parts;
  if (root === 'api') return group === '' ? coreVersions() : resourceListOf(types, '', group);
  if (version !== '') return resourceListOf(types, group, version);
  const groups = groupsOf(types.filter((type) => type.group !== '')).map(legacyGroup);
  if (group === '') return { kind: 'APIGroupList', apiVersion: 'v1', groups };
  const found = groups.find(({ name }) => name === group);
  if (found === undefined) throw noSuchPath();
  return { kind: 'APIGroup', apiVersion: 'v1', ...found };
}

function coreVersions(): object {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
}

function legacyGroup({ name, versions }: Group) {
  const all = versions.map(({ version }) => ({ groupVersion: `${name}/${version}`, version }));
  return { name, versions: all, preferredVersion: all[0] };
}

function resourceListOf(types: readonly ResourceType[], group: string, version: string): object {
  const found = types.filter((type) => type.group === group && type.version === version);
  if (found.length === 0) throw noSuchPath();
  const resources = found.flatMap((type) => [
    {
      name: type.plural,
      singularName: type.singular,
      namespaced: type.namespaced,
      kind: type.kind,
      verbs: type.verbs,
      ...(type.shortNames.length > 0 ? { shortNames: type.shortNames } : {}),
      ...(type.categories.length > 0 ? { categories: type.categories } : {}),
      ...(type.storageVersionHash === undefined ? {} : { storageVersionHash: type.storageVersionHash }),
    },
    ...subresourcesOf(type).map(({ name, verbs, kind }) => ({
      name: `${type.plural}/${name}`,
      singularName: '',
      namespaced: type.namespaced,
      ...kind,
      verbs,
    })),
  ]);
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: apiVersionOf({ group, version }),
    resources,
  };
}
