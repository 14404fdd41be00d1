/**
 * Holds ARCHITECTURE.md to the code: every path in backticks exists, and in `path` → `name` (or `path#name`) the file
 * says that name.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const codeSpan = /`([^`\n]+)`/g;
const pathLike = /^[\w@.-]+(?:\/[\w@.*-]+)+\/?(?:#(\w+))?$/;
/** First path segments of this repository; other spans with slashes are URLs, routes and the like. */
const topFolders = new Set([
  'domain',
  'proto',
  'prisma',
  'control-plane',
  'agent',
  'deploy',
  'test',
  'docs',
  '.ci',
]);

function declares(source: string, name: string): boolean {
  return new RegExp(`\\b${name}\\b`).test(source);
}

function problemOf(root: string, span: string): string | null {
  if (!pathLike.test(span) || !topFolders.has(span.split('/')[0] ?? '')) return null;
  const [file = '', name] = span.split('#');
  const absolute = path.join(root, file);
  if (!existsSync(absolute)) return `ARCHITECTURE.md names ${file}, which does not exist`;
  if (name && !declares(readFileSync(absolute, 'utf8'), name))
    return `ARCHITECTURE.md names ${name} in ${file}, which does not have it`;
  return null;
}

export function architectureProblems(root: string, text: string): string[] {
  const spans = [...text.matchAll(codeSpan)].map((match) => match[1] ?? '');
  return spans.map((span) => problemOf(root, span)).filter((problem) => problem !== null);
}
