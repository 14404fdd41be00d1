/**
 * What is known of a kind's fields, in the shape that merging, defaulting and validation walk.
 *
 * A schema is a graph: it may lead back to itself (a JSON schema holds JSON schemas), and its parts are made when they
 * are first asked for. Definitions are shared, so that a thousand clusters hold one copy.
 */
import type { GroupVersionKind, Json } from '../types.ts';
import type { OpenApiNode } from './openApi.ts';

interface SchemaBase {
  /** The name of the definition, such as `io.k8s.api.core.v1.Container`; absent in CRDs. */
  typeName?: string;
  default?: Json;
  nullable: boolean;
  /** The rules for values: enum, pattern, bounds. */
  rules: OpenApiNode;
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

/** The schema of a builtin kind; undefined for what no builtin API serves. */
export function schemaOfKind(_gvk: GroupVersionKind): Schema | undefined {
  throw new Error('not yet built');
}

/** The schema of a CRD's version (`spec.versions[].schema.openAPIV3Schema`), with the metadata that every object has. */
export function schemaOfCrd(_openAPIV3Schema: OpenApiNode): Schema {
  throw new Error('not yet built');
}
