/**
 * What kinds the API server serves, their scope and their URLs. Two requests in all (aggregated discovery), with ETag,
 * or one per group version on a server that does not know it. A group that cannot be read (its aggregated API server is
 * down) is known by name: nothing is concluded from the absence of its kinds, and other groups are not affected.
 *
 * Cached; read again when a kind is missed (at most once a second, one at a time) or on demand.
 */
import type { Clock } from '../clock.ts';
import type { KubeClient, KubeResponse } from './client.ts';
import { isKubeError } from './error.ts';
import type { Resource } from './resource.ts';
import { splitApiVersion } from './resource.ts';

export interface Discovery {
  /** The kind as served in exactly this version, refreshed once on a miss. Null: the server does not have it. */
  find(apiVersion: string, kind: string): Promise<Resource | null>;
  /** From the cache alone: the group's preferred version that has the kind. */
  preferred(group: string, kind: string): Resource | null;
  /** Groups that could not be read at the last attempt; 'everything' answers true for any group. */
  failed(group: string): boolean;
  /** Reads again unless it was read within `maxAgeMs`; never rejects on a server's answer: what failed is then `failed`. */
  refresh(maxAgeMs?: number): Promise<void>;
}

interface Catalogue {
  /** By `apiVersion/kind`. */
  exact: Map<string, Resource>;
  /** By `group/kind`. */
  preferred: Map<string, Resource>;
  failedGroups: Set<string>;
  failedWhole: boolean;
}

interface Cache {
  kube: KubeClient;
  clock: Clock;
  catalogue: Catalogue;
  answers: Map<string, { etag: string; catalogue: Catalogue }>;
  readMs: number;
  reading: Promise<void> | null;
}

const refreshIntervalMs = 1_000;
const aggregated =
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json';

export function createDiscovery(kube: KubeClient, clock: Clock): Discovery {
  const cache: Cache = {
    kube,
    clock,
    catalogue: emptyCatalogue(true),
    answers: new Map(),
    readMs: -Infinity,
    reading: null,
  };
  return {
    find: async (apiVersion, kind) => {
      const known = cache.catalogue.exact.get(`${apiVersion}/${kind}`);
      if (known) return known;
      if (clock.monotonicMs() - cache.readMs >= refreshIntervalMs) await refresh(cache);
      return cache.catalogue.exact.get(`${apiVersion}/${kind}`) ?? null;
    },
    preferred: (group, kind) => cache.catalogue.preferred.get(`${group}/${kind}`) ?? null,
    failed: (group) => cache.catalogue.failedWhole || cache.catalogue.failedGroups.has(group),
    refresh: async (maxAgeMs = 0) => {
      if (clock.monotonicMs() - cache.readMs >= maxAgeMs) await refresh(cache);
    },
  };
}

function emptyCatalogue(failedWhole: boolean): Catalogue {
  return { exact: new Map(), preferred: new Map(), failedGroups: new Set(), failedWhole };
}

async function refresh(cache: Cache): Promise<void> {
  cache.reading ??= read(cache).finally(() => {
    cache.reading = null;
  });
  await cache.reading;
}

async function read(cache: Cache): Promise<void> {
  const parts = await Promise.all([readRoot(cache, '/api'), readRoot(cache, '/apis')]);
  cache.readMs = cache.clock.monotonicMs();
  const merged = emptyCatalogue(false);
  for (const part of parts) {
    for (const [key, resource] of part.exact) merged.exact.set(key, resource);
    for (const [key, resource] of part.preferred) merged.preferred.set(key, resource);
    for (const group of part.failedGroups) merged.failedGroups.add(group);
    merged.failedWhole ||= part.failedWhole;
  }
  cache.catalogue = merged.failedWhole ? withOlder(merged, cache.catalogue) : merged;
}

/** What was known stays usable for applying while discovery is away; `failedWhole` keeps prune from believing it. */
function withOlder(fresh: Catalogue, old: Catalogue): Catalogue {
  return {
    ...fresh,
    exact: new Map([...old.exact, ...fresh.exact]),
    preferred: new Map([...old.preferred, ...fresh.preferred]),
  };
}

async function readRoot(cache: Cache, path: '/api' | '/apis'): Promise<Catalogue> {
  const known = cache.answers.get(path);
  const headers: Record<string, string> = known ? { 'if-none-match': known.etag } : {};
  try {
    const answer = await cache.kube.send({ method: 'GET', path, accept: aggregated, headers, retriesMax: 2 });
    if (answer.status === 304 && known) return known.catalogue;
    const body = JSON.parse(answer.text) as AggregatedList | LegacyRoot;
    const catalogue = 'items' in body ? fromAggregated(body) : await fromLegacy(cache.kube, path, body);
    remember(cache, path, answer, catalogue);
    return catalogue;
  } catch (error) {
    if (isKubeError(error) || error instanceof SyntaxError) return emptyCatalogue(true);
    throw error;
  }
}

function remember(cache: Cache, path: string, answer: KubeResponse, catalogue: Catalogue): void {
  const etag = answer.headers['etag'];
  if (typeof etag === 'string' && catalogue.failedGroups.size === 0)
    cache.answers.set(path, { etag, catalogue });
  else cache.answers.delete(path);
}

interface AggregatedList {
  items: {
    metadata?: { name?: string };
    versions: {
      version: string;
      freshness?: string;
      resources?: { resource: string; responseKind?: { kind?: string }; scope: string; verbs?: string[] }[];
    }[];
  }[];
}

function fromAggregated(list: AggregatedList): Catalogue {
  const catalogue = emptyCatalogue(false);
  for (const item of list.items) {
    const group = item.metadata?.name ?? '';
    for (const version of item.versions) {
      if (version.freshness === 'Stale') catalogue.failedGroups.add(group);
      for (const entry of version.resources ?? []) {
        add(catalogue, {
          group,
          version: version.version,
          kind: entry.responseKind?.kind ?? '',
          plural: entry.resource,
          namespaced: entry.scope === 'Namespaced',
          verbs: entry.verbs ?? [],
        });
      }
    }
  }
  return catalogue;
}

function add(catalogue: Catalogue, resource: Resource): void {
  if (resource.kind === '') return;
  const apiVersion = resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
  const exact = `${apiVersion}/${resource.kind}`;
  const preferred = `${resource.group}/${resource.kind}`;
  if (!catalogue.exact.has(exact)) catalogue.exact.set(exact, resource);
  if (!catalogue.preferred.has(preferred)) catalogue.preferred.set(preferred, resource);
}

interface LegacyRoot {
  versions?: string[];
  groups?: {
    name: string;
    preferredVersion?: { groupVersion: string };
    versions: { groupVersion: string }[];
  }[];
}

async function fromLegacy(kube: KubeClient, path: '/api' | '/apis', root: LegacyRoot): Promise<Catalogue> {
  const apiVersions = path === '/api' ? (root.versions ?? []) : groupVersionsOf(root);
  const catalogue = emptyCatalogue(false);
  const lists = await Promise.all(apiVersions.map((apiVersion) => readLegacyVersion(kube, path, apiVersion)));
  for (const [index, resources] of lists.entries()) {
    if (resources === null) catalogue.failedGroups.add(splitApiVersion(apiVersions[index] ?? '').group);
    else for (const resource of resources) add(catalogue, resource);
  }
  return catalogue;
}

function groupVersionsOf(root: LegacyRoot): string[] {
  return (root.groups ?? []).flatMap((group) => {
    const first = group.preferredVersion?.groupVersion;
    const all = group.versions.map((version) => version.groupVersion);
    return first === undefined ? all : [first, ...all.filter((version) => version !== first)];
  });
}

/** Null: this group version cannot be read now. */
async function readLegacyVersion(
  kube: KubeClient,
  path: string,
  apiVersion: string,
): Promise<Resource[] | null> {
  try {
    const text = (await kube.send({ method: 'GET', path: `${path}/${apiVersion}`, retriesMax: 1 })).text;
    const body = JSON.parse(text) as {
      resources?: { name: string; kind: string; namespaced: boolean; verbs?: string[] }[];
    };
    return (body.resources ?? [])
      .filter((entry) => !entry.name.includes('/'))
      .map((entry) => ({
        ...splitApiVersion(apiVersion),
        kind: entry.kind,
        plural: entry.name,
        namespaced: entry.namespaced,
        verbs: entry.verbs ?? [],
      }));
  } catch (error) {
    if (isKubeError(error) || error instanceof SyntaxError) return null;
    throw error;
  }
}
