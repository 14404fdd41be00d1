/** The part of an OpenAPI v3 schema that Kubernetes uses, as CRDs write it and as `kube-schema.json` keeps it. */
import type { Json } from '../types.ts';

export interface OpenApiNode {
  /** Name of a definition in `kube-schema.json`; CRDs have none. */
  $ref?: string;
  allOf?: OpenApiNode[];
  anyOf?: OpenApiNode[];
  oneOf?: OpenApiNode[];
  not?: OpenApiNode;
  description?: string;
  type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  format?: string;
  properties?: Record<string, OpenApiNode>;
  additionalProperties?: OpenApiNode | boolean;
  items?: OpenApiNode;
  required?: string[];
  default?: Json;
  nullable?: boolean;
  enum?: Json[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: boolean;
  exclusiveMaximum?: boolean;
  multipleOf?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  minProperties?: number;
  maxProperties?: number;
  'x-kubernetes-list-type'?: 'map' | 'set' | 'atomic';
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-map-type'?: 'atomic' | 'granular';
  'x-kubernetes-patch-merge-key'?: string;
  'x-kubernetes-patch-strategy'?: string;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-embedded-resource'?: boolean;
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[];
  /** How Go writes the zero value of an optional field: not at all, or as null where it is required. */
  'x-flotilla-zero'?: 'omitted' | 'null';
  'x-kubernetes-validations'?: { rule: string; message?: string; reason?: string; fieldPath?: string }[];
}
