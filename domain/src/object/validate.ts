/**
 * Parsed YAML → Kubernetes objects, or errors that name the file. The one place where untrusted manifests become
 * trusted types: inside, `apiVersion`, `kind` and `metadata.name` are there and every value is plain JSON.
 *
 * An object with `generateName` only gets that prefix as its name (it ends in a dash, so it collides with no real name)
 * and keeps `generateName`; a plan gives hooks their real names.
 */
import { canonicalText } from '../bundle/canonical.ts';
import { groupOf } from './identity.ts';
import { isMap } from './metadata.ts';
import type { Json, JsonMap, KubeObject } from './types.ts';

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
/** Of one parsed document, which may be a List of many objects. */
export const documentBytesMax = 64 * 1024 * 1024;

/** One parsed document → its objects (a List gives its items, an empty document none) and what is wrong with the others. */
export function validateManifest(
  document: unknown,
  source: string,
): { objects: SourcedObject[]; errors: ManifestError[] } {
  const result = { objects: [] as SourcedObject[], errors: [] as ManifestError[] };
  if (document === null || document === undefined) return result;
  const problem = jsonProblem(document);
  if (problem) {
    result.errors.push({ ...problem, source });
    return result;
  }
  collect(document as Json, source, 0, result);
  return result;
}

/** Lists in Lists are refused beyond this: nobody writes them but to make work. */
const listDepthMax = 4;

function collect(
  document: Json,
  source: string,
  listDepth: number,
  into: { objects: SourcedObject[]; errors: ManifestError[] },
): void {
  if (isList(document) && listDepth < listDepthMax) {
    document.items.forEach((item, index) => {
      if (item !== null) collect(item, `${source}[${index}]`, listDepth + 1, into);
    });
    return;
  }
  const error = manifestProblem(document);
  if (error) into.errors.push({ ...error, source });
  else into.objects.push({ object: normalise(document as JsonMap), source });
}

function isList(document: Json): document is JsonMap & { items: Json[] } {
  if (!isMap(document) || !Array.isArray(document['items'])) return false;
  return typeof document['kind'] === 'string' && document['kind'].endsWith('List');
}

type Problem = Omit<ManifestError, 'source'>;

const prototypeKeys = new Set(['__proto__', 'constructor', 'prototype']);

/** Plain JSON only, within bounds. Walks without recursion: the depth of the input is the author's to choose. */
function jsonProblem(root: unknown): Problem | null {
  const open: { value: unknown; path: string; depth: number }[] = [{ value: root, path: '', depth: 0 }];
  let bytes = 0;
  for (let next = open.pop(); next; next = open.pop()) {
    const { value, path, depth } = next;
    if (depth > objectDepthMax)
      return { problem: 'TooDeep', message: `nested deeper than ${objectDepthMax} levels` };
    bytes += typeof value === 'string' ? value.length : 8;
    if (bytes > documentBytesMax)
      return { problem: 'TooLarge', message: `larger than ${documentBytesMax} bytes` };
    const problem = scalarProblem(value, path);
    if (problem) return problem;
    if (typeof value !== 'object' || value === null) continue;
    for (const [key, member] of Object.entries(value)) {
      if (!Array.isArray(value) && prototypeKeys.has(key)) {
        return { problem: 'ForbiddenKey', message: `the key ${key} is refused at ${path || 'the root'}` };
      }
      bytes += key.length;
      open.push({ value: member, path: path.length > 200 ? path : `${path}/${key}`, depth: depth + 1 });
    }
  }
  return null;
}

function scalarProblem(value: unknown, path: string): Problem | null {
  const at = path || 'the root';
  if (value === null || typeof value === 'boolean' || typeof value === 'bigint') return null;
  if (typeof value === 'string') {
    return value.isWellFormed() ? null : { problem: 'NotJson', message: `text that is not Unicode at ${at}` };
  }
  if (typeof value === 'number') {
    return Number.isFinite(value)
      ? null
      : { problem: 'NotJson', message: `${value} is no JSON number at ${at}` };
  }
  const plain = typeof value === 'object' && (Array.isArray(value) || isPlain(value));
  return plain ? null : { problem: 'NotJson', message: `a value that JSON cannot hold at ${at}` };
}

/** Dates, Maps and Sets of a YAML parser are not plain. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function manifestProblem(document: Json): Problem | null {
  if (!isMap(document)) return { problem: 'NotAnObject', message: 'a manifest must be a mapping' };
  const { apiVersion, kind, metadata } = document;
  if (typeof apiVersion !== 'string' || !/^[^/\s]+(\/[^/\s]+)?$/.test(apiVersion)) {
    return { problem: 'MissingApiVersion', message: 'apiVersion is missing' };
  }
  if (typeof kind !== 'string' || !/^[A-Za-z][A-Za-z0-9]*$/.test(kind)) {
    return { problem: 'MissingKind', message: 'kind is missing' };
  }
  if (!isMap(metadata)) return { problem: 'MissingName', message: `metadata.name is missing (${kind})` };
  return (
    nameProblem(metadata, apiVersion, kind) ??
    namespaceProblem(metadata['namespace']) ??
    textMapProblem(metadata, 'labels') ??
    textMapProblem(metadata, 'annotations') ??
    sizeProblem(document)
  );
}

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const generatePrefix = /^[a-z0-9][-.a-z0-9]*$/;

/** Kinds whose names only have to fit one path segment: RBAC, OpenShift's users and image tags, addresses. */
function hasPathName(group: string, kind: string): boolean {
  return group === 'rbac.authorization.k8s.io' || group.endsWith('.openshift.io') || kind === 'IPAddress';
}

function nameProblem(metadata: JsonMap, apiVersion: string, kind: string): Problem | null {
  const { name, generateName } = metadata;
  if (name === undefined || name === null || name === '') {
    if (typeof generateName !== 'string' || generateName === '') {
      return { problem: 'MissingName', message: `metadata.name is missing (${kind})` };
    }
    if (generatePrefix.test(generateName) && generateName.length <= 200) return null;
    return {
      problem: 'InvalidName',
      message: `metadata.generateName ${JSON.stringify(generateName)} is no prefix of a name`,
    };
  }
  const group = groupOf(apiVersion);
  const fits =
    typeof name === 'string' &&
    name.length <= 253 &&
    (hasPathName(group, kind) ? isPathSegment(name) : subdomain.test(name));
  if (fits) return null;
  return {
    problem: 'InvalidName',
    message: `metadata.name ${JSON.stringify(showable(name))} is no valid name of a ${kind}`,
  };
}

function isPathSegment(name: string): boolean {
  return name !== '.' && name !== '..' && !/[/%\s\p{Cc}]/u.test(name);
}

function namespaceProblem(namespace: Json | undefined): Problem | null {
  if (namespace === undefined || namespace === null || namespace === '') return null;
  if (typeof namespace === 'string' && namespace.length <= 63 && label.test(namespace)) return null;
  const shown = JSON.stringify(showable(namespace));
  return {
    problem: 'InvalidNamespace',
    message: `metadata.namespace ${shown} is no valid name of a namespace`,
  };
}

/** The server would refuse these with a message about Go types; here they can be named. */
function textMapProblem(metadata: JsonMap, field: 'labels' | 'annotations'): Problem | null {
  const map = metadata[field];
  if (map === undefined || map === null) return null;
  if (!isMap(map)) return { problem: 'InvalidMetadata', message: `metadata.${field} must be a mapping` };
  const wrong = Object.entries(map).find(([, value]) => typeof value !== 'string' && value !== null);
  if (!wrong) return null;
  const shown = String(showable(wrong[1]));
  return {
    problem: 'InvalidMetadata',
    message: `metadata.${field} ${wrong[0]} must be text: quote ${shown}`,
  };
}

function showable(value: Json): string | number | boolean | null {
  if (typeof value === 'bigint') return value.toString();
  return typeof value === 'object' ? '(a structure)' : value;
}

function sizeProblem(document: JsonMap): Problem | null {
  const bytes = new TextEncoder().encode(canonicalText(document)).length;
  if (bytes <= objectBytesMax) return null;
  return {
    problem: 'TooLarge',
    message: `${bytes} bytes are more than the ${objectBytesMax} that an API server takes`,
  };
}

/** Set by the server; applying them back is refused (managedFields) or turns into a precondition (resourceVersion, uid). */
const serverFields = new Set([
  'managedFields',
  'resourceVersion',
  'uid',
  'selfLink',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
]);

function normalise(document: JsonMap): KubeObject {
  const metadata: JsonMap = {};
  for (const [key, value] of Object.entries(document['metadata'] as JsonMap)) {
    if (serverFields.has(key) || value === null) continue;
    metadata[key] = key === 'labels' || key === 'annotations' ? withoutNulls(value) : value;
  }
  if (!metadata['name']) metadata['name'] = metadata['generateName'] as string;
  else delete metadata['generateName'];
  const object = { ...document, metadata } as KubeObject;
  // Generators of CRDs write an empty status, which is the server's.
  if (object.kind === 'CustomResourceDefinition') delete object['status'];
  return object;
}

function withoutNulls(value: Json): Json {
  if (!isMap(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null));
}
