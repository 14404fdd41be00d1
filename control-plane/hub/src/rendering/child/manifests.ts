/** Files → the objects of an application, or what is wrong with them: by file, document and line, so that people find it. */
import { createHash, hash } from 'node:crypto';

import {
  assembleBundle,
  bundleBytesMax,
  type Bundle,
  type BundleError,
} from '@flotilla/domain/bundle/bundle';
import { encodeObject, type EncodedObject } from '@flotilla/domain/bundle/encodeObject';
import { validateManifest, type SourcedObject } from '@flotilla/domain/object/validate';

import type { Tree, TreeFile } from '../../sources/trees.ts';
import { ofFile, ofNoFile, type RenderProblem } from './problem.ts';
import { applyOverrides, type MatchedOverride } from './overrides.ts';
import { selectFiles, type DirectoryOptions } from './select.ts';
import { isTemplated, templatedFile, treeBelow, type TemplateReader } from './templated.ts';
import type { SourceTemplate } from './wire.ts';
import { parseYaml, type YamlResult } from './yaml.ts';
import type { YamlLimits } from './yamlDocument.ts';

export interface RenderSource {
  /** Path of the source in its repository, for messages. */
  path: string;
  directory: DirectoryOptions;
  /** Null: its files are taken as they are. */
  template: SourceTemplate | null;
  tree: Tree;
}

/** The cluster that is rendered for, where that makes a difference. */
export interface RenderContext {
  reader: TemplateReader;
  overrides: readonly MatchedOverride[];
}

export type RenderResult = { ok: true; bundle: Bundle } | { ok: false; problems: RenderProblem[] };

/** As many as a person reads. */
const problemsMax = 20;

export interface RenderedFile {
  objects: EncodedObject[];
  problems: RenderProblem[];
  /** Of the objects' lines; where they are more than a bundle may hold, the rest of the file was not looked at. */
  bytes: number;
}

/** Files that were rendered before, by path and content: of a changed tree only the changed ones cost anything. A file with templates is kept as its documents. */
export interface FileCache {
  get: (key: string) => RenderedFile | ParsedFile | undefined;
  set: (key: string, file: RenderedFile | ParsedFile, sizeBytes: number) => void;
}

/** Of a file with templates. */
export type ParsedFile = { text: string; parsed: YamlResult };

/** `context` is null where every cluster gets the same. */
export function renderSources(
  sources: readonly RenderSource[],
  limits: YamlLimits,
  cache: FileCache,
  context: RenderContext | null = null,
): RenderResult {
  const objects: EncodedObject[] = [];
  const problems: RenderProblem[] = [];
  let bytes = 0;
  for (const given of sources) {
    const placed = placedSource(given, context);
    if (!placed.ok) {
      problems.push(placed.problem);
      continue;
    }
    const { source } = placed;
    const selection = selectFiles(source.tree.files, source.tree.links, source.directory);
    if (!selection.ok) {
      problems.push(ofFile(join(source.path, selection.file), selection.message));
      continue;
    }
    for (const file of selection.files) {
      const place = join(source.path, file.path);
      const isOfCluster = context !== null && source.template !== null && isTemplated(file.bytes);
      const rendered = isOfCluster
        ? renderTemplated(place, file, limits, cache, context.reader)
        : renderFile(place, file, limits, cache);
      for (const object of rendered.objects) objects.push(object);
      problems.push(...rendered.problems.slice(0, problemsMax));
      bytes += rendered.bytes;
      if (bytes > bundleBytesMax) return { ok: false, problems: [bundleProblem(tooLarge(bytes))] };
    }
  }
  if (problems.length > 0) return { ok: false, problems: problems.slice(0, problemsMax) };
  const overridden = applyOverrides(objects, context?.overrides ?? [], sha256Hex);
  if (!overridden.ok) {
    const messages = overridden.messages.slice(0, problemsMax);
    return { ok: false, problems: messages.map(ofNoFile) };
  }
  const result = assembleBundle(overridden.objects, sha256);
  return result.ok ? result : { ok: false, problems: [bundleProblem(result.error)] };
}

type Placed = { ok: true; source: RenderSource } | { ok: false; problem: RenderProblem };

/** With a template in its path, a source is one cluster's part of what was fetched. */
function placedSource(source: RenderSource, context: RenderContext | null): Placed {
  const below = source.template?.below ?? null;
  if (below === null || context === null) return { ok: true, source };
  const part = treeBelow(source.tree, below, context.reader);
  const file = join(source.path, part.ok ? part.path : below);
  if (!part.ok) return { ok: false, problem: ofFile(file, part.message) };
  // A path that is a file is a source of that one file, as without templates.
  const path = part.isFile ? join(source.path, part.folder) : file;
  return { ok: true, source: { ...source, path, tree: part.tree } };
}

function renderFile(path: string, file: TreeFile, limits: YamlLimits, cache: FileCache): RenderedFile {
  const key = `${path}\n${digestOf(file.bytes)}`;
  const held = cache.get(key);
  if (held !== undefined && 'objects' in held) return held;
  const rendered = renderBytes(path, file.bytes, limits);
  cache.set(key, rendered, file.bytes.byteLength + rendered.bytes);
  return rendered;
}

function renderBytes(path: string, bytes: Buffer, limits: YamlLimits): RenderedFile {
  const text = decoded(bytes);
  return text === null
    ? { objects: [], problems: [notText(path)], bytes: 0 }
    : renderDocuments(path, parseYaml(text, limits));
}

/** The file is parsed once, and evaluated for each cluster. */
function renderTemplated(
  path: string,
  file: TreeFile,
  limits: YamlLimits,
  cache: FileCache,
  reader: TemplateReader,
): RenderedFile {
  const key = `{{${path}\n${digestOf(file.bytes)}`;
  const held = cache.get(key);
  let parsed = held !== undefined && 'parsed' in held ? held : null;
  if (parsed === null) {
    const text = decoded(file.bytes);
    if (text === null) return { objects: [], problems: [notText(path)], bytes: 0 };
    parsed = { text, parsed: parseYaml(text, limits) };
    // Parsed values take a few times what they are written in.
    cache.set(key, parsed, file.bytes.byteLength * 4);
  }
  const evaluated = templatedFile(parsed, reader, problemsMax);
  if (evaluated.ok) return renderDocuments(path, evaluated.result);
  return {
    objects: [],
    problems: evaluated.problems.map((problem) => ({ file: path, ...problem })),
    bytes: 0,
  };
}

const digests = new WeakMap<Buffer, string>();

/** Of a file's content, which is the same for every cluster that it is rendered for. */
function digestOf(bytes: Buffer): string {
  const digest = digests.get(bytes) ?? hash('sha256', bytes, 'hex');
  digests.set(bytes, digest);
  return digest;
}

function notText(file: string): RenderProblem {
  return ofFile(file, 'is not UTF-8 text');
}

function decoded(bytes: Buffer): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

function renderDocuments(path: string, result: YamlResult): RenderedFile {
  const rendered: RenderedFile = { objects: [], problems: [], bytes: 0 };
  if (!result.ok) return { ...rendered, problems: [{ file: path, ...result.problem }] };
  for (const { number: document, line, value } of result.documents) {
    const { objects, errors } = validateManifest(value, sourceText(path, document, line));
    for (const object of objects) addObject(rendered, object);
    for (const { source, message } of errors)
      rendered.problems.push({ file: path, document, line, message: `${itemText(source)}${message}` });
    if (rendered.bytes > bundleBytesMax) break;
  }
  return rendered;
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/** An alias may stand for much more than it takes to write: nothing is encoded beyond what a bundle may hold. */
function addObject(rendered: RenderedFile, object: SourcedObject): void {
  if (rendered.bytes > bundleBytesMax) return;
  const encoded = encodeObject(object, sha256Hex);
  if (encoded.ok) {
    rendered.objects.push(encoded.object);
    rendered.bytes += encoded.object.bytes;
  } else rendered.problems.push(bundleProblem(encoded.error));
}

function tooLarge(bytes: number): BundleError {
  return { problem: 'TooLarge', bytes, bytesMax: bundleBytesMax };
}

/** How an object's origin reads in messages about several: `apps/web.yaml, document 2, line 14`. */
function sourceText(path: string, document: number, line: number): string {
  return `${path}, document ${document}, line ${line}`;
}

/** `item 3: ` for an object of a List. */
function itemText(source: string): string {
  const items = /((?:\[\d+\])+)$/.exec(source);
  return items === null ? '' : `item ${items[1]}: `;
}

function parseSource(source: string): Omit<RenderProblem, 'message'> {
  const match = /^(.*), document (\d+), line (\d+)/.exec(source);
  return match === null
    ? { file: source, document: 0, line: 0 }
    : { file: match[1] ?? '', document: Number(match[2]), line: Number(match[3]) };
}

function bundleProblem(error: BundleError): RenderProblem {
  switch (error.problem) {
    case 'TooManyObjects':
      return ofNoFile(tooMany(`${error.objects} objects`, error.objectsMax));
    case 'TooLarge':
      return ofNoFile(tooMany(`${error.bytes} bytes`, error.bytesMax));
    case 'DuplicateIdentity': {
      const [first, second] = error.sources;
      return { ...parseSource(second), message: `${nameOf(error)} is there twice: also in ${first}` };
    }
    case 'NotCanonical':
      return { ...parseSource(error.source), message: `${nameOf(error)}: ${error.message}` };
  }
}

function tooMany(what: string, max: number): string {
  return `${what} are more than the ${max} that a bundle may hold: split the application`;
}

function nameOf({ identity }: Extract<BundleError, { identity: unknown }>): string {
  const place = identity.namespace === '' ? identity.name : `${identity.namespace}/${identity.name}`;
  return `${identity.kind}${identity.group === '' ? '' : `.${identity.group}`} ${place}`;
}

function join(folder: string, file: string): string {
  return folder === '.' ? file : `${folder}/${file}`;
}

function sha256Hex(text: string): string {
  return hash('sha256', text, 'hex');
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}
