/** What `kube-schema.json` holds: what the real API server serves, to serve the same. Read once, when first asked for. */
import { readFileSync } from 'node:fs';
import type { JsonObject, ResourceType } from '../types.ts';
import type { OpenApiNode } from './openApi.ts';

export interface TableColumn {
  name: string;
  type: string;
  format: string;
  description: string;
  /** Above 0: only shown by `-o wide`. */
  priority: number;
}

interface KubeSchemaFile {
  kubernetesVersion: string;
  resources: ResourceType[];
  columns: Record<string, TableColumn[]>;
  /** What the API server fills in beyond OpenAPI's defaults, by definition and field. */
  defaults: Record<string, JsonObject>;
  definitions: Record<string, OpenApiNode>;
}

/** From `dist` as from `src`: the file is not built. */
const FILE = new URL('../../../src/simkube/schema/kube-schema.json', import.meta.url);
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
const EVERYWHERE = ['DeleteOptions', 'Status', 'Patch', 'WatchEvent'].map((name) => META + name);

let loaded: KubeSchemaFile | undefined;

export function kubeSchemaFile(): KubeSchemaFile {
  loaded ??= JSON.parse(readFileSync(FILE, 'utf8')) as KubeSchemaFile;
  return loaded;
}

/** `v1.36.3` */
export function kubernetesVersion(): string {
  return kubeSchemaFile().kubernetesVersion;
}

/** Every resource that the real API server serves without CRDs, in the order of its discovery. */
export function builtinResources(): readonly ResourceType[] {
  return kubeSchemaFile().resources;
}

/** The columns that `kubectl get` shows for a resource. */
export function tableColumnsOf(group: string, plural: string): readonly TableColumn[] {
  return kubeSchemaFile().columns[`${group}/${plural}`] ?? [];
}

/** `components.schemas` of `/openapi/v3/api/v1` or `/openapi/v3/apis/GROUP/VERSION`: all definitions that it needs. */
export function openApiSchemasOf(apiVersion: string): Record<string, OpenApiNode> {
  const { definitions } = kubeSchemaFile();
  const needed = new Set<string>();
  for (const [name, definition] of Object.entries(definitions)) {
    const gvks = definition['x-kubernetes-group-version-kind'] ?? [];
    const isServed = gvks.some(
      ({ group, version }) => [group, version].filter(Boolean).join('/') === apiVersion,
    );
    if (isServed) collect(name, definitions, needed);
  }
  for (const name of EVERYWHERE) collect(name, definitions, needed);
  return Object.fromEntries(
    [...needed].sort().map((name) => [name, onTheWire(definitions[name] ?? {}) as OpenApiNode]),
  );
}

function collect(name: string, definitions: Record<string, OpenApiNode>, needed: Set<string>): void {
  const definition = definitions[name];
  if (needed.has(name) || definition === undefined) return;
  needed.add(name);
  for (const reference of referencesOf(definition)) collect(reference, definitions, needed);
}

function referencesOf(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) =>
    key === '$ref' && typeof value === 'string' ? [value] : referencesOf(value),
  );
}

/** With whole references, inside `allOf` where something stands beside them, and without our own marks. */
function onTheWire(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(onTheWire);
  if (typeof node !== 'object' || node === null) return node;
  const entries = Object.entries(node).filter(([key]) => key !== 'x-flotilla-zero');
  const rest = entries.filter(([key]) => key !== '$ref').map(([key, value]) => [key, onTheWire(value)]);
  const reference = (node as OpenApiNode).$ref;
  if (typeof reference !== 'string') return Object.fromEntries(rest);
  const whole = { $ref: `#/components/schemas/${reference}` };
  return rest.length === 0 ? whole : { ...Object.fromEntries(rest), allOf: [whole] };
}
