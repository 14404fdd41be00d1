/**
 * Parsed YAML → Kubernetes objects, or errors that name the file. The one place where untrusted manifests become
 * trusted types: inside, `apiVersion`, `kind` and `metadata.name` are there and every value is plain JSON.
 */
import type { KubeObject } from './types.ts';

/** An object and where it came from (`path/file.yaml#2`), for errors people can act on. */
export interface SourcedObject {
  object: KubeObject;
  source: string;
}

export type ManifestProblem =
  | 'NotAnObject'
  | 'NotJson'
  | 'ForbiddenKey'
  | 'TooDeep'
  | 'TooLarge'
  | 'MissingApiVersion'
  | 'MissingKind'
  | 'MissingName'
  | 'InvalidName'
  | 'InvalidNamespace'
  | 'InvalidMetadata';

export interface ManifestError {
  problem: ManifestProblem;
  source: string;
  message: string;
}

export const objectBytesMax = 3 * 1024 * 1024;
export const objectDepthMax = 256;

/** One parsed document → its objects (a List gives its items, an empty document none) and what is wrong with the others. */
export declare function validateManifest(
  document: unknown,
  source: string,
): { objects: SourcedObject[]; errors: ManifestError[] };
