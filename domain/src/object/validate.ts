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
  const found: Found = { objects: [], errors: [] };
  if (document === null || document === undefined) return found;
  const { problem, bytes } = walkJson(document);
  if (problem) return { objects: [], errors: [{ ...problem, source }] };
  // No encoding of a character takes more than six bytes, so most documents need not be encoded to know they are small.
  const mayBeTooLarge = bytes * 6 > objectBytesMax;
  for (const [item, itemSource] of itemsOf(document as Json, source, 0)) {
    const error = manifestProblem(item) ?? (mayBeTooLarge ? sizeProblem(item) : null);
    if (error) found.errors.push({ ...error, source: itemSource });
    else found.objects.push({ object: normalise(item as JsonMap), source: itemSource });
  }
  return found;
}

interface Found {
  objects: SourcedObject[];
  errors: ManifestError[];
}

/** Lists in Lists are refused beyond this: nobody writes them but to make work. */
const listDepthMax = 4;

function* itemsOf(
  document: Json,
  source: string,
  listDepth: number,
): Generator<[item: Json, source: string]> {
  if (!isList(document) || listDepth >= listDepthMax) {
    yield [document, source];
    return;
  }
  for (const [index, item] of document.items.entries()) {
    if (item !== null) yield* itemsOf(item, `${source}[${index}]`, listDepth + 1);
  }
}

function isList(document: Json): document is JsonMap & { items: Json[] } {
  if (!isMap(document) || !Array.isArray(document['items'])) return false;
  return typeof document['kind'] === 'string' && document['kind'].endsWith('List');
}

type Problem = Omit<ManifestError, 'source'>;

const prototypeKeys = new Set(['__proto__', 'constructor', 'prototype']);

/** What was seen of a document so far, and where in it the walk stands. */
interface Walk {
  bytes: number;
  path: string[];
}

/** Plain JSON only, within bounds; the depth, which is the author's to choose, bounds the recursion. */
function walkJson(root: unknown): { problem: Problem | null; bytes: number } {
  const walk: Walk = { bytes: 0, path: [] };
  const problem = visit(root, walk);
  if (problem === null) return { problem, bytes: walk.bytes };
  const place = walk.path.slice(0, 20).join('/');
  return {
    problem: { ...problem, message: `${problem.message} at ${place || 'the root'}` },
    bytes: walk.bytes,
  };
}

/** On a problem the path is left standing, to be told. */
function visit(value: unknown, walk: Walk): Problem | null {
  walk.bytes += 8;
  if (typeof value === 'string') walk.bytes += value.length;
  if (walk.bytes > documentBytesMax)
    return { problem: 'TooLarge', message: `more than ${documentBytesMax} bytes` };
  if (typeof value !== 'object' || value === null) return scalarProblem(value);
  if (walk.path.length >= objectDepthMax) {
    return { problem: 'TooDeep', message: `nested deeper than ${objectDepthMax} levels` };
  }
  return Array.isArray(value) ? visitList(value, walk) : visitMap(value, walk);
}

function visitList(list: unknown[], walk: Walk): Problem | null {
  for (let index = 0; index < list.length; index++) {
    walk.path.push(String(index));
    const problem = visit(list[index], walk);
    if (problem) return problem;
    walk.path.pop();
  }
  return null;
}

function visitMap(map: object, walk: Walk): Problem | null {
  if (!isPlain(map)) return { problem: 'NotJson', message: 'a value that JSON cannot hold' };
  for (const key of Object.keys(map)) {
    if (prototypeKeys.has(key)) return { problem: 'ForbiddenKey', message: `the key ${key} is refused` };
    walk.bytes += key.length;
    walk.path.push(key);
    const problem = visit((map as Record<string, unknown>)[key], walk);
    if (problem) return problem;
    walk.path.pop();
  }
  return null;
}

function scalarProblem(value: unknown): Problem | null {
  if (value === null || typeof value === 'boolean' || typeof value === 'bigint') return null;
  if (typeof value === 'string') {
    return value.isWellFormed() ? null : { problem: 'NotJson', message: 'text that is not Unicode' };
  }
  if (typeof value === 'number') {
    return Number.isFinite(value)
      ? null
      : { problem: 'NotJson', message: `${value}, which is no JSON number,` };
  }
  return { problem: 'NotJson', message: 'a value that JSON cannot hold' };
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
    textMapProblem(metadata, 'annotations')
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

function sizeProblem(document: Json): Problem | null {
  const bytes = new TextEncoder().encode(canonicalText(document as JsonMap)).length;
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
  if (!isMap(value) || !Object.values(value).includes(null)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null));
}
