/**
 * What is known of a kind's fields, in the shape that merging, defaulting and validation walk.
 *
 * A schema is a graph: it may lead back to itself (a JSON schema holds JSON schemas), and its parts are made when they
 * are first asked for. Definitions are shared, so that a thousand clusters hold one copy.
 */
import type { GroupVersionKind, Json } from '../types.ts';
import { kubeSchemaFile } from './builtin.ts';
import type { OpenApiNode } from './openApi.ts';

interface SchemaBase {
  /** The name of the definition, such as `io.k8s.api.core.v1.Container`; absent in CRDs. */
  typeName?: string;
  default?: Json;
  nullable: boolean;
  /** The rules for values: enum, pattern, bounds. */
  rules: OpenApiNode;
  /** How Go writes the zero value, see `x-flotilla-zero`; absent in CRDs. */
  zero?: 'omitted' | 'null';
  /** How strategic merge patches treat this field; empty means replace. */
  patchStrategy: ('merge' | 'replace' | 'retainKeys')[];
  patchMergeKey?: string;
}

/** Named fields; with `preserveUnknown` also fields that nobody named. */
export interface StructSchema extends SchemaBase {
  kind: 'struct';
  readonly fields: ReadonlyMap<string, Schema>;
  required: readonly string[];
  /** Owned and replaced as a whole. */
  atomic: boolean;
  preserveUnknown: boolean;
  /** An object of its own with apiVersion, kind and metadata inside another. */
  embedded: boolean;
  /** Of a CRD's root: whether its status is a subresource. */
  statusSubresource?: boolean;
}

/** Any keys, all values of one shape. */
export interface MapSchema extends SchemaBase {
  kind: 'map';
  readonly element: Schema;
  atomic: boolean;
}

export interface ListSchema extends SchemaBase {
  kind: 'list';
  readonly element: Schema;
  listType: 'atomic' | 'set' | 'map';
  /** Fields that tell elements of a `map` list apart. */
  mapKeys: readonly string[];
}

export interface ScalarSchema extends SchemaBase {
  kind: 'scalar';
  type: 'string' | 'integer' | 'number' | 'boolean' | 'int-or-string' | 'quantity';
}

/** Any JSON; `deduced` ones are owned field by field, others as a whole. */
export interface UntypedSchema extends SchemaBase {
  kind: 'untyped';
  deduced: boolean;
}

export type Schema = StructSchema | MapSchema | ListSchema | ScalarSchema | UntypedSchema;

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity';
const RAW = 'io.k8s.apimachinery.pkg.runtime.RawExtension';

/** What a node inherits: a CRD's `preserve-unknown-fields` holds for all that is below it. */
interface Context {
  preserveUnknown: boolean;
}

const builtinFields = new Map<string, ReadonlyMap<string, Schema>>();
const builtinKinds = new Map<string, Schema>();
let kindNames: Map<string, string> | undefined;

/** The schema of a builtin kind; undefined for what no builtin API serves. */
export function schemaOfKind({ group, version, kind }: GroupVersionKind): Schema | undefined {
  kindNames ??= namesByKind();
  const key = `${group}/${version}/${kind}`;
  const name = kindNames.get(key);
  if (name === undefined) return undefined;
  const schema = builtinKinds.get(key) ?? convert({ $ref: name }, { preserveUnknown: false });
  builtinKinds.set(key, schema);
  return schema;
}

/**
 * The schema of a CRD's version (`spec.versions[].schema.openAPIV3Schema`), with the metadata that every object has.
 * `statusSubresource`: whether the version has one, which decides who may own `status`.
 */
export function schemaOfCrd(
  openAPIV3Schema: OpenApiNode,
  { statusSubresource = false }: { statusSubresource?: boolean } = {},
): Schema {
  const properties = {
    ...openAPIV3Schema.properties,
    apiVersion: { type: 'string' as const },
    kind: { type: 'string' as const },
    metadata: { $ref: `${META}ObjectMeta` },
  };
  const root = convert({ ...openAPIV3Schema, type: 'object', properties }, { preserveUnknown: false });
  return root.kind === 'struct' ? { ...root, fields: root.fields, statusSubresource } : root;
}

/** The value that a field has before anybody sets it: Go's types are never wholly empty. */
export function definitionDefaults(typeName: string): Record<string, Json> | undefined {
  return kubeSchemaFile().defaults[typeName];
}

function namesByKind(): Map<string, string> {
  const names = new Map<string, string>();
  for (const [name, definition] of Object.entries(kubeSchemaFile().definitions)) {
    for (const { group, version, kind } of definition['x-kubernetes-group-version-kind'] ?? [])
      names.set(`${group}/${version}/${kind}`, name);
  }
  return names;
}

function convert(node: OpenApiNode, context: Context): Schema {
  const typeName = node.$ref;
  const target = typeName === undefined ? node : (kubeSchemaFile().definitions[typeName] ?? {});
  const base = baseOf(node, target, typeName);
  if (typeName === QUANTITY) return { ...base, kind: 'scalar', type: 'quantity' };
  if (typeName === RAW) return { ...base, kind: 'untyped', deduced: false };
  const below = {
    preserveUnknown: context.preserveUnknown || target['x-kubernetes-preserve-unknown-fields'] === true,
  };
  if (target.format === 'int-or-string' || target['x-kubernetes-int-or-string'] === true)
    return { ...base, kind: 'scalar', type: 'int-or-string' };
  switch (target.type) {
    case undefined:
      return { ...base, kind: 'untyped', deduced: true };
    case 'object':
      return objectOf(base, node, target, below);
    case 'array':
      return listOf(base, node, target, below);
    default:
      return { ...base, kind: 'scalar', type: target.type };
  }
}

function baseOf(node: OpenApiNode, target: OpenApiNode, typeName: string | undefined): SchemaBase {
  const byDefault = node.default ?? target.default;
  return {
    ...(typeName === undefined ? {} : { typeName }),
    ...(byDefault === undefined ? {} : { default: byDefault }),
    ...(node['x-flotilla-zero'] === undefined ? {} : { zero: node['x-flotilla-zero'] }),
    ...(node['x-kubernetes-patch-merge-key'] === undefined
      ? {}
      : { patchMergeKey: node['x-kubernetes-patch-merge-key'] }),
    patchStrategy: (node['x-kubernetes-patch-strategy']?.split(',') ?? []) as SchemaBase['patchStrategy'],
    nullable: node.nullable ?? target.nullable ?? false,
    rules: target,
  };
}

function objectOf(base: SchemaBase, node: OpenApiNode, target: OpenApiNode, context: Context): Schema {
  const atomic = (node['x-kubernetes-map-type'] ?? target['x-kubernetes-map-type']) === 'atomic';
  const { additionalProperties, properties } = target;
  if (properties === undefined && typeof additionalProperties === 'object')
    return lazyElement({ ...base, kind: 'map' as const, atomic }, additionalProperties, context);
  // An object of which nothing is said is free in form.
  const isFree = properties === undefined && additionalProperties !== false;
  if (isFree && target['x-kubernetes-embedded-resource'] !== true && base.typeName === undefined)
    return { ...base, kind: 'untyped', deduced: !atomic };
  if (isFree && base.typeName !== undefined) return { ...base, kind: 'untyped', deduced: true };
  let fields: ReadonlyMap<string, Schema> | undefined;
  return {
    ...base,
    kind: 'struct',
    required: target.required ?? [],
    atomic,
    preserveUnknown: context.preserveUnknown || additionalProperties === true,
    embedded: target['x-kubernetes-embedded-resource'] === true,
    get fields() {
      fields ??= fieldsOf(base.typeName, target, context);
      return fields;
    },
  };
}

function fieldsOf(
  typeName: string | undefined,
  target: OpenApiNode,
  context: Context,
): ReadonlyMap<string, Schema> {
  const known = typeName === undefined ? undefined : builtinFields.get(typeName);
  if (known !== undefined) return known;
  const properties = { ...target.properties };
  if (target['x-kubernetes-embedded-resource'] === true) {
    properties['apiVersion'] ??= { type: 'string' };
    properties['kind'] ??= { type: 'string' };
    properties['metadata'] = { $ref: `${META}ObjectMeta` };
  }
  const fields = new Map(
    Object.entries(properties).map(([name, property]) => [name, convert(property, context)]),
  );
  if (typeName !== undefined) builtinFields.set(typeName, fields);
  return fields;
}

function listOf(base: SchemaBase, node: OpenApiNode, target: OpenApiNode, context: Context): ListSchema {
  const listType = node['x-kubernetes-list-type'] ?? byPatchStrategy(base);
  const mapKeys = node['x-kubernetes-list-map-keys'] ?? (base.patchMergeKey ? [base.patchMergeKey] : []);
  return lazyElement({ ...base, kind: 'list' as const, listType, mapKeys }, target.items ?? {}, context);
}

/** Lists that name no type, but how to patch them. */
function byPatchStrategy({ patchStrategy, patchMergeKey }: SchemaBase): ListSchema['listType'] {
  if (!patchStrategy.includes('merge')) return 'atomic';
  return patchMergeKey === undefined ? 'set' : 'map';
}

function lazyElement<T extends object>(
  schema: T,
  node: OpenApiNode,
  context: Context,
): T & { element: Schema } {
  let element: Schema | undefined;
  return Object.defineProperty(schema, 'element', {
    enumerable: true,
    get() {
      element ??= convert(node, context);
      return element;
    },
  }) as T & { element: Schema };
}
