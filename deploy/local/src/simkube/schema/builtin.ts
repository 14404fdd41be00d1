/** What `kube-schema.json` holds beside schemas: what the real API server serves, to serve the same. */
import type { ResourceType } from '../types.ts';
import type { OpenApiNode } from './openApi.ts';

export interface TableColumn {
  name: string;
  type: string;
  format: string;
  description: string;
  /** Above 0: only shown by `-o wide`. */
  priority: number;
}

/** Every resource that the real API server serves without CRDs, in the order of its discovery. */
export function builtinResources(): readonly ResourceType[] {
  throw new Error('not yet built');
}

/** The columns that `kubectl get` shows for a resource. */
export function tableColumnsOf(_group: string, _plural: string): readonly TableColumn[] {
  throw new Error('not yet built');
}

/** `components.schemas` of `/openapi/v3/api/v1` or `/openapi/v3/apis/GROUP/VERSION`: all definitions that it needs. */
export function openApiSchemasOf(_apiVersion: string): Record<string, OpenApiNode> {
  throw new Error('not yet built');
}
