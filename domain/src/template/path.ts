/** The path of a source with templates in it: what is fetched for all clusters, and the folder below that is one cluster's. */
import { evaluate, type ClusterReader } from './evaluate.ts';
import { hasTemplate, parseTemplate } from './parse.ts';

/** The folders before the first one with a template; '.' where the first has one. Of a path without any: the path. */
export function basePath(path: string): string {
  if (!hasTemplate(path)) return path;
  const before = path.slice(0, path.indexOf('{{'));
  return before.slice(0, Math.max(0, before.lastIndexOf('/'))) || '.';
}

/** What the path has behind its base; null where nothing of it is a template. */
export function templateBelow(path: string): string | null {
  if (!hasTemplate(path)) return null;
  const base = basePath(path);
  return base === '.' ? path : path.slice(base.length + 1);
}

export type PathResult = { ok: true; path: string } | { ok: false; message: string };

/** A value may bring folders with it, but none that leads out of the base. */
export function evaluatePath(template: string, reader: ClusterReader): PathResult {
  const parsed = parseTemplate(template);
  const result = parsed.ok ? evaluate(parsed.template, reader) : parsed;
  if (!result.ok) {
    const { expression, message } = result.problem;
    return { ok: false, message: expression === '' ? message : `${expression}: ${message}` };
  }
  const segments = String(result.value).split('/');
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..'))
    return { ok: false, message: `'${result.value}' is no path below its source` };
  return { ok: true, path: segments.join('/') };
}
