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
import { selectFiles, type DirectoryOptions } from './select.ts';
import { parseYaml } from './yaml.ts';
import type { YamlLimits } from './yamlDocument.ts';

export interface RenderSource {
  /** Path of the source in its repository, for messages. */
  path: string;
  directory: DirectoryOptions;
  tree: Tree;
}

export interface RenderProblem {
  /** Path in the repository. */
  file: string;
  /** From 1; 0 where the file as a whole is meant. */
  document: number;
  line: number;
  message: string;
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

/** Files that were rendered before, by path and content: of a changed tree only the changed ones cost anything. */
export interface FileCache {
  get: (key: string) => RenderedFile | undefined;
  set: (key: string, rendered: RenderedFile, sizeBytes: number) => void;
}

export function renderSources(
  sources: readonly RenderSource[],
  limits: YamlLimits,
  cache: FileCache,
): RenderResult {
  const objects: EncodedObject[] = [];
  const problems: RenderProblem[] = [];
  let bytes = 0;
  for (const source of sources) {
    const selection = selectFiles(source.tree.files, source.tree.links, source.directory);
    if (!selection.ok) {
      problems.push({
        file: join(source.path, selection.file),
        document: 0,
        line: 0,
        message: selection.message,
      });
      continue;
    }
    for (const file of selection.files) {
      const rendered = renderFile(join(source.path, file.path), file, limits, cache);
      for (const object of rendered.objects) objects.push(object);
      problems.push(...rendered.problems.slice(0, problemsMax));
      bytes += rendered.bytes;
      if (bytes > bundleBytesMax) return { ok: false, problems: [bundleProblem(tooLarge(bytes))] };
    }
  }
  if (problems.length > 0) return { ok: false, problems: problems.slice(0, problemsMax) };
  const result = assembleBundle(objects, sha256);
  return result.ok ? result : { ok: false, problems: [bundleProblem(result.error)] };
}

function renderFile(path: string, file: TreeFile, limits: YamlLimits, cache: FileCache): RenderedFile {
  const key = `${path}\n${hash('sha256', file.bytes, 'hex')}`;
  const held = cache.get(key);
  if (held !== undefined) return held;
  const rendered = renderBytes(path, file.bytes, limits);
  cache.set(key, rendered, file.bytes.byteLength + rendered.bytes);
  return rendered;
}

function renderBytes(path: string, bytes: Buffer, limits: YamlLimits): RenderedFile {
  const rendered: RenderedFile = { objects: [], problems: [], bytes: 0 };
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    return { ...rendered, problems: [{ file: path, document: 0, line: 0, message: 'is not UTF-8 text' }] };
  }
  const result = parseYaml(text, limits);
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
  const encoded = encodeObject(object, (text) => hash('sha256', text, 'hex'));
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
  const whole = { file: '', document: 0, line: 0 };
  switch (error.problem) {
    case 'TooManyObjects':
      return {
        ...whole,
        message: `${error.objects} objects are more than the ${error.objectsMax} that a bundle may hold: split the application`,
      };
    case 'TooLarge':
      return {
        ...whole,
        message: `${error.bytes} bytes are more than the ${error.bytesMax} that a bundle may hold: split the application`,
      };
    case 'DuplicateIdentity': {
      const [first, second] = error.sources;
      return { ...parseSource(second), message: `${nameOf(error)} is there twice: also in ${first}` };
    }
    case 'NotCanonical':
      return { ...parseSource(error.source), message: `${nameOf(error)}: ${error.message}` };
  }
}

function nameOf({ identity }: Extract<BundleError, { identity: unknown }>): string {
  const place = identity.namespace === '' ? identity.name : `${identity.namespace}/${identity.name}`;
  return `${identity.kind}${identity.group === '' ? '' : `.${identity.group}`} ${place}`;
}

function join(folder: string, file: string): string {
  return folder === '.' ? file : `${folder}/${file}`;
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}
