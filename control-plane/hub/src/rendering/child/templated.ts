/** Files with templates in their values, and sources with one in their path, as they are for one cluster. */
import { bundleBytesMax } from '@flotilla/domain/bundle/bundle';
import { applyTemplates, type PlacedProblem } from '@flotilla/domain/template/apply';
import type { ClusterReader } from '@flotilla/domain/template/evaluate';
import { evaluatePath } from '@flotilla/domain/template/path';

import type { Tree } from '../../sources/trees.ts';
import type { YamlProblem, YamlResult } from './yaml.ts';
import type { YamlDocument } from './yamlDocument.ts';

export type TemplateReader = ClusterReader;

/** What is not written in the file is no template: an escaped brace is a brace. */
export function isTemplated(bytes: Buffer): boolean {
  return bytes.includes('{{');
}

type TemplatedFile = { ok: true; result: YamlResult } | { ok: false; problems: YamlProblem[] };

/** The documents for one cluster, or what is wrong with them, by document and line. */
export function templatedFile(
  { text, parsed }: { text: string; parsed: YamlResult },
  reader: TemplateReader,
  problemsMax: number,
): TemplatedFile {
  if (!parsed.ok) return { ok: false, problems: [unquotedHint(parsed.problem)] };
  const documents: YamlDocument[] = [];
  const problems: YamlProblem[] = [];
  const limits = { problemsMax, charactersMax: bundleBytesMax };
  for (const [at, document] of parsed.documents.entries()) {
    const applied = applyTemplates(document.value, reader, limits);
    documents.push({ ...document, value: applied.value });
    const end = parsed.documents[at + 1]?.line ?? Number.MAX_SAFE_INTEGER;
    problems.push(...applied.problems.map((problem) => placed(problem, text, document, end)));
    if (problems.length >= problemsMax) break;
  }
  return problems.length > 0
    ? { ok: false, problems: problems.slice(0, problemsMax) }
    : { ok: true, result: { ok: true, documents } };
}

/** `{{` without quotes begins a mapping in YAML. */
function unquotedHint(problem: YamlProblem): YamlProblem {
  if (problem.message !== 'a key must be text') return problem;
  return { ...problem, message: `${problem.message}: a value that begins with '{{' must be in quotes` };
}

/** The line on which the expression is written, which a value in several lines has further down than its document begins. */
function placed(
  { path, expression, message }: PlacedProblem,
  text: string,
  { number, line }: YamlDocument,
  endLine: number,
): YamlProblem {
  const lines = text.split('\n').slice(line - 1, endLine - 1);
  const found = expression === '' ? -1 : lines.findIndex((written) => written.includes(expression));
  return {
    document: number,
    line: found < 0 ? line : line + found,
    message: path === '' ? message : `${path}: ${message}`,
  };
}

type Below =
  { ok: true; path: string; folder: string; isFile: boolean; tree: Tree } | { ok: false; message: string };

/** What a cluster's own path has of the fetched files. Nothing is there: the path is wrong, or was not committed. */
export function treeBelow(tree: Tree, template: string, reader: TemplateReader): Below {
  const evaluated = evaluatePath(template, reader);
  if (!evaluated.ok) return { ok: false, message: `the source's path: ${evaluated.message}` };
  const { path } = evaluated;
  const folder = path.slice(0, Math.max(0, path.lastIndexOf('/'))) || '.';
  const one = tree.files.find((file) => file.path === path);
  if (one !== undefined) {
    const name = path.slice(path.lastIndexOf('/') + 1);
    return { ok: true, path, folder, isFile: true, tree: { files: [{ ...one, path: name }], links: [] } };
  }
  const prefix = `${path}/`;
  const below = <T extends { path: string }>(entries: readonly T[]): T[] =>
    entries
      .filter((entry) => entry.path.startsWith(prefix))
      .map((entry) => ({ ...entry, path: entry.path.slice(prefix.length) }));
  const part = { files: below(tree.files), links: below(tree.links) };
  if (part.files.length + part.links.length === 0)
    return { ok: false, message: `the path '${path}' has no manifests in this commit` };
  return { ok: true, path, folder, isFile: false, tree: part };
}
