/**
 * Holds ARCHITECTURE.md to the code: every path in backticks exists, in `path#name` the file declares that name, and
 * the table of crash points has the rows that the fault suite has points.
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

const pointsFile = 'test/fault/src/points.ts';

/** A function, class, constant or type of the module, or a method of one of its classes. */
function declares(source: string, name: string): boolean {
  const declaration = String.raw`\b(?:function|class|const|interface|type)\s+${name}\b`;
  const method = String.raw`^ {2}(?:(?:private|public|static|async)\s+)*#?${name}\s*(?:<[^>]*>)?\(`;
  return new RegExp(`${declaration}|${method}`, 'm').test(source);
}

function problemOf(root: string, span: string): string | null {
  if (!pathLike.test(span) || !topFolders.has(span.split('/')[0] ?? '')) return null;
  const [file = '', name] = span.split('#');
  const absolute = path.join(root, file);
  if (!existsSync(absolute)) return `ARCHITECTURE.md names ${file}, which does not exist`;
  if (name && !declares(readFileSync(absolute, 'utf8'), name))
    return `ARCHITECTURE.md names ${name} in ${file}, which does not declare it`;
  return null;
}

export function architectureProblems(root: string, text: string): string[] {
  const spans = [...text.matchAll(codeSpan)].map((match) => match[1] ?? '');
  const problems = spans.map((span) => problemOf(root, span)).filter((problem) => problem !== null);
  return text.includes(pointsFile)
    ? [...problems, ...crashTableProblems(readFileSync(path.join(root, pointsFile), 'utf8'), text)]
    : problems;
}

/** Both lists in the order of a commit's way; each row says in which function it goes on. */
export function crashTableProblems(points: string, text: string): string[] {
  const [, table = ''] = text.split('| killed at |');
  const rows = [...table.matchAll(/^\| (\w[^|]*?) \|(.*)$/gm)];
  const listed = rows.map(([, name]) => name).join(', ');
  const names = [...points.matchAll(/\bname: '([^']+)'/g)].map((match) => match[1]).join(', ');
  const nameless = rows.filter(([, , rest = '']) => !/`[^`]+#\w+`/.test(rest)).map(([, name]) => name);
  const problems = nameless.map((name) => `ARCHITECTURE.md names no function for the crash point ${name}`);
  return listed === names
    ? problems
    : [...problems, `ARCHITECTURE.md lists the crash points ${listed}, but ${pointsFile} has ${names}`];
}
