/** Which resources a cluster serves: the builtin ones, shared by all clusters, and those of its own CRDs. */
import { builtinResources } from '../schema/builtin.ts';
import type { OpenApiNode } from '../schema/openApi.ts';
import { schemaOfCrd, schemaOfKind, type Schema } from '../schema/schema.ts';
import { apiVersionOf, gvkOf, type KubeObject, type ResourceType } from '../types.ts';

export interface CrdVersion {
  name: string;
  served: boolean;
  storage: boolean;
  schema?: { openAPIV3Schema?: OpenApiNode };
  selectableFields?: { jsonPath: string }[];
  subresources?: { status?: object; scale?: { specReplicasPath?: string; statusReplicasPath?: string } };
  additionalPrinterColumns?: {
    name: string;
    type: string;
    jsonPath: string;
    priority?: number;
    description?: string;
    format?: string;
  }[];
}

export interface CrdSpec {
  group: string;
  scope: 'Namespaced' | 'Cluster';
  names: {
    plural: string;
    singular?: string;
    kind: string;
    listKind?: string;
    shortNames?: string[];
    categories?: string[];
  };
  versions: CrdVersion[];
}

interface Custom {
  type: ResourceType;
  version: CrdVersion;
  schema: Schema;
}

export class Catalogue {
  /** Grows with each change of CRDs: an ETag for discovery. */
  generation = 0;
  readonly #custom = new Map<string, Custom[]>();
  readonly #byType = new Map<ResourceType, Custom>();

  resources(): readonly ResourceType[] {
    if (this.#custom.size === 0) return builtinResources();
    return [...builtinResources(), ...this.#all().map(({ type }) => type)];
  }

  find(group: string, plural: string, version?: string): ResourceType | undefined {
    const fits = (type: ResourceType) =>
      type.group === group && type.plural === plural && (version === undefined || type.version === version);
    return builtinResources().find(fits) ?? this.#all().find(({ type }) => fits(type))?.type;
  }

  findKind(apiVersion: string, kind: string): ResourceType | undefined {
    const fits = (type: ResourceType) => type.kind === kind && apiVersionOf(type) === apiVersion;
    return builtinResources().find(fits) ?? this.#all().find(({ type }) => fits(type))?.type;
  }

  customVersion(type: ResourceType): CrdVersion | undefined {
    return this.#byType.get(type)?.version;
  }

  customGroups(): ReadonlySet<string> {
    return new Set(this.#all().map(({ type }) => type.group));
  }

  schemaOf(type: ResourceType): Schema {
    const schema = this.#byType.get(type)?.schema ?? schemaOfKind(type);
    if (schema === undefined) throw new Error(`no schema of ${apiVersionOf(type)} ${type.kind}`);
    return schema;
  }

  serve(crd: KubeObject): void {
    const spec = crd['spec'] as CrdSpec;
    const name = crd.metadata.name ?? '';
    this.drop(name);
    const served = servedFirst(spec).map((version) => ({
      version,
      type: typeOf(spec, version),
      schema: schemaOfCrd(version.schema?.openAPIV3Schema ?? { type: 'object' }, {
        statusSubresource: version.subresources?.status !== undefined,
      }),
    }));
    this.#custom.set(name, served);
    for (const custom of served) this.#byType.set(custom.type, custom);
  }

  drop(name: string): void {
    this.generation += 1;
    for (const { type } of this.#custom.get(name) ?? []) this.#byType.delete(type);
    this.#custom.delete(name);
  }

  #all(): Custom[] {
    return [...this.#custom.values()].flat();
  }
}

function typeOf(spec: CrdSpec, version: CrdVersion): ResourceType {
  const { names } = spec;
  return {
    group: spec.group,
    version: version.name,
    kind: names.kind,
    plural: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    namespaced: spec.scope === 'Namespaced',
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    verbs: ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'],
    subresources: {
      ...(version.subresources?.status ? { status: true as const } : {}),
      ...(version.subresources?.scale ? { scale: true as const } : {}),
    },
  };
}

/** Stable before beta before alpha, newer first: the order in which clients prefer versions. */
function servedFirst(spec: CrdSpec): CrdVersion[] {
  return spec.versions
    .filter(({ served }) => served)
    .sort((left, right) => rankOf(right.name) - rankOf(left.name));
}

function rankOf(version: string): number {
  const parts = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (!parts) return -1;
  const stage = { alpha: 1, beta: 2, stable: 3 }[(parts[2] ?? 'stable') as 'alpha' | 'beta' | 'stable'];
  return stage * 1e6 + Number(parts[1]) * 1e3 + Number(parts[3] ?? 0);
}

export function isCrd(type: ResourceType): boolean {
  return type.plural === 'customresourcedefinitions' && type.group === 'apiextensions.k8s.io';
}

export function apiVersionAs(object: KubeObject, type: ResourceType): KubeObject {
  const { group, version } = gvkOf(object);
  if (group === type.group && version === type.version) return object;
  return { ...object, apiVersion: apiVersionOf(type) };
}
