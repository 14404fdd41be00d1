/**
 * What the real API server adds to minimal objects, by dry-run: the table of defaults that OpenAPI does not tell.
 *
 * A value belongs to the table where every sample of its type got it, the same each time; what depends on other fields is
 * decided in `conditionalDefaults.ts`, and the recorded samples prove both.
 */
import type { ApiConnection } from '../../../kubelab/api.ts';
import type { Json, JsonObject } from '../../types.ts';
import type { OpenApiNode } from '../openApi.ts';
import { SAMPLES } from './samples.ts';

export interface RecordedSample {
  sent: JsonObject;
  stored: JsonObject;
}

export interface RecordedDefaults {
  /** By definition, then by field. */
  defaults: Record<string, JsonObject>;
  samples: RecordedSample[];
}

/** Equal in all samples by chance. */
const CONDITIONAL = new Set([
  'io.k8s.api.core.v1.Container.imagePullPolicy',
  'io.k8s.api.core.v1.ServicePort.targetPort',
  'io.k8s.api.core.v1.Secret.data',
  'io.k8s.api.core.v1.LimitRangeItem.defaultRequest',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionNames.kind',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionNames.plural',
]);

type Seen = Map<string, { count: number; added: Map<string, Set<string>>; addedCount: Map<string, number> }>;

export async function recordDefaults(
  api: ApiConnection,
  definitions: Record<string, OpenApiNode>,
): Promise<RecordedDefaults> {
  await api.send('/api/v1/namespaces/default/serviceaccounts', {
    method: 'POST',
    body: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } },
  });
  const seen: Seen = new Map();
  const samples: RecordedSample[] = [];
  for (const { path, object, definition } of SAMPLES) {
    const stored = await api.call<JsonObject>(`${path}?dryRun=All`, { method: 'POST', body: object });
    delete stored['metadata'];
    // Holds the time of the recording.
    if (stored['kind'] === 'PersistentVolume') delete stored['status'];
    samples.push({ sent: object, stored });
    observe(object, stored, { $ref: definition }, definitions, seen);
  }
  return { defaults: unconditional(seen), samples };
}

function observe(
  sent: Json | undefined,
  stored: Json,
  node: OpenApiNode,
  definitions: Record<string, OpenApiNode>,
  seen: Seen,
): void {
  const target = node.$ref === undefined ? node : (definitions[node.$ref] ?? {});
  if (Array.isArray(stored)) {
    // A list that was filled in as a whole says nothing about its elements.
    if (sent === undefined) return;
    stored.forEach((item, index) =>
      observe((sent as Json[] | undefined)?.[index], item, target.items ?? {}, definitions, seen),
    );
    return;
  }
  if (typeof stored !== 'object' || stored === null || target.properties === undefined) return;
  const before = (sent ?? {}) as JsonObject;
  if (node.$ref !== undefined) note(node.$ref, before, stored, target.properties, seen);
  for (const [name, child] of Object.entries(target.properties)) {
    if (stored[name] !== undefined) observe(before[name], stored[name], child, definitions, seen);
  }
}

function note(
  definition: string,
  sent: JsonObject,
  stored: JsonObject,
  properties: Record<string, OpenApiNode>,
  seen: Seen,
): void {
  const entry = seen.get(definition) ?? { count: 0, added: new Map(), addedCount: new Map() };
  seen.set(definition, entry);
  entry.count++;
  for (const name of Object.keys(properties)) {
    if (sent[name] !== undefined || stored[name] === null) {
      entry.addedCount.set(name, (entry.addedCount.get(name) ?? 0) + 1);
      continue;
    }
    if (stored[name] === undefined) continue;
    const values = entry.added.get(name) ?? new Set();
    entry.added.set(name, values.add(JSON.stringify(stored[name])));
    entry.addedCount.set(name, (entry.addedCount.get(name) ?? 0) + 1);
  }
}

function unconditional(seen: Seen): Record<string, JsonObject> {
  const defaults: Record<string, JsonObject> = {};
  for (const definition of [...seen.keys()].sort()) {
    const { count, added, addedCount } = seen.get(definition) as NonNullable<ReturnType<Seen['get']>>;
    const fields: JsonObject = {};
    for (const name of [...added.keys()].sort()) {
      const values = added.get(name) ?? new Set();
      const [only = 'null'] = values;
      const value = JSON.parse(only) as Json;
      if (CONDITIONAL.has(`${definition}.${name}`) || addedCount.get(name) !== count) continue;
      if (typeof value === 'object') {
        // A struct of its own gets its fields by its own definition.
        if (!Array.isArray(value)) fields[name] = {};
      } else if (values.size === 1) fields[name] = value;
    }
    if (Object.keys(fields).length > 0) defaults[definition] = fields;
  }
  return defaults;
}
