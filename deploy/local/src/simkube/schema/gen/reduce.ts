/** Turns what `/openapi/v3` says into the committed form: one copy of each definition, short descriptions, Go's zero values. */
import type { OpenApiNode } from '../openApi.ts';
import type { GoField, GoTypes } from './goTypes.ts';

export type RawDefinitions = Record<string, Record<string, unknown>>;

const REF_PREFIX = '#/components/schemas/';
const DESCRIPTION_LENGTH_MAX = 120;

export function reduceDefinitions(raw: RawDefinitions, goTypes: GoTypes): Record<string, OpenApiNode> {
  const reduced: Record<string, OpenApiNode> = {};
  for (const name of Object.keys(raw).sort()) {
    const definition = reduceNode(raw[name] ?? {});
    markZeros(definition, goTypes.get(name));
    const gvks = definition['x-kubernetes-group-version-kind'];
    // Options of requests name every group there is.
    if (gvks !== undefined && gvks.length > 1) delete definition['x-kubernetes-group-version-kind'];
    reduced[name] = definition;
  }
  return reduced;
}

function reduceNode(raw: Record<string, unknown>): OpenApiNode {
  const node: Record<string, unknown> = {};
  for (const key of Object.keys(raw).sort()) {
    if (key === 'x-kubernetes-unions') continue;
    node[key] = reduceValue(key, raw[key]);
  }
  const [only] = (node['allOf'] ?? []) as OpenApiNode[];
  if (only?.$ref !== undefined) {
    delete node['allOf'];
    node['$ref'] = only.$ref;
  }
  return node as OpenApiNode;
}

function reduceValue(key: string, value: unknown): unknown {
  if (key === '$ref') return (value as string).replace(REF_PREFIX, '');
  if (key === 'description') return shortened(value as string);
  if (key === 'properties') {
    const entries = Object.entries(value as Record<string, Record<string, unknown>>);
    return Object.fromEntries(
      entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, child]) => [name, reduceNode(child)]),
    );
  }
  if (key === 'items' || (key === 'additionalProperties' && typeof value === 'object'))
    return reduceNode(value as Record<string, unknown>);
  if (key === 'allOf' || key === 'oneOf' || key === 'anyOf')
    return (value as Record<string, unknown>[]).map(reduceNode);
  return value;
}

/** The first sentence: enough for `kubectl explain` to say what a field is. */
function shortened(text: string): string {
  const [first = ''] = /^[\s\S]*?[.:](?=\s|$)/.exec(text) ?? [text];
  if (first.length <= DESCRIPTION_LENGTH_MAX) return first;
  return `${first.slice(0, first.lastIndexOf(' ', DESCRIPTION_LENGTH_MAX))} …`;
}

function markZeros(definition: OpenApiNode, fields: Map<string, GoField> | undefined): void {
  for (const [name, property] of Object.entries(definition.properties ?? {})) {
    const field = fields?.get(name);
    if (field === undefined) continue;
    if (field.omitZero || (field.omitEmpty && !field.type.startsWith('*')))
      property['x-flotilla-zero'] = 'omitted';
    // A struct is never empty for `omitempty`: its default `{}` is written.
    if (!field.omitZero && property.default !== undefined && isEmptyObject(property.default))
      delete property['x-flotilla-zero'];
    if (!field.omitEmpty && !field.omitZero && property.default === undefined && writesNull(field.type))
      property['x-flotilla-zero'] = 'null';
  }
}

function writesNull(type: string): boolean {
  return /^(\*|\[\]|map\[)/.test(type);
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
