/** Files → the objects of an application, or what is wrong with them: by file, document and line, so that people find it. */
import { createHash } from 'node:crypto';

import { buildBundle, type Bundle, type BundleError } from '@flotilla/domain/bundle/bundle';
import { validateManifest, type SourcedObject } from '@flotilla/domain/object/validate';

import type { Tree, TreeFile } from '../../sources/trees.ts';
import { selectFiles, type DirectoryOptions } from './select.ts';
import { parseYaml, type YamlLimits } from './yaml.ts';

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

export interface ParsedFile {
  objects: SourcedObject[];
  problems: RenderProblem[];
}

/** Files that were parsed before, by path and content: of a changed tree only the changed ones cost anything. */
export interface FileCache {
  get: (key: string) => ParsedFile | undefined;
  set: (key: string, parsed: ParsedFile, sizeBytes: number) => void;
}

export function renderSources(
  sources: readonly RenderSource[],
  limits: YamlLimits,
  cache: FileCache,
): RenderResult {
  const objects: SourcedObject[] = [];
  const problems: RenderProblem[] = [];
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
      const parsed = parseFile(join(source.path, file.path), file, limits, cache);
      objects.push(...parsed.objects);
      problems.push(...parsed.problems);
    }
  }
  if (problems.length > 0) return { ok: false, problems: problems.slice(0, problemsMax) };
  const result = buildBundle(objects, sha256);
  return result.ok ? result : { ok: false, problems: [bundleProblem(result.error)] };
}

function parseFile(path: string, file: TreeFile, limits: YamlLimits, cache: FileCache): ParsedFile {
  const key = `${path}\n${createHash('sha256').update(file.bytes).digest('hex')}`;
  const held = cache.get(key);
  if (held !== undefined) return held;
  const parsed = parseBytes(path, file.bytes, limits);
  cache.set(key, parsed, file.bytes.byteLength);
  return parsed;
}

function parseBytes(path: string, bytes: Buffer, limits: YamlLimits): ParsedFile {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { objects: [], problems: [{ file: path, document: 0, line: 0, message: 'is not UTF-8 text' }] };
  }
  const result = parseYaml(text, limits);
  if (!result.ok) return { objects: [], problems: [{ file: path, ...result.problem }] };
  const parsed: ParsedFile = { objects: [], problems: [] };
  for (const { number, line, value } of result.documents) {
    const { objects, errors } = validateManifest(value, sourceText(path, number, line));
    parsed.objects.push(...objects);
    for (const error of errors) {
      parsed.problems.push({
        file: path,
        document: number,
        line,
        message: `${itemText(error.source)}${error.message}`,
      });
    }
  }
  return parsed;
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
