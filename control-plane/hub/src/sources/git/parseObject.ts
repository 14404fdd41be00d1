/** Commits and trees that are in memory, read as the Git library reads them; whatever is odd about one is left to it. */
import type { GitEntry } from './readTree.ts';
import { checkSegment } from './treePath.ts';

export interface GitCommit {
  tree: string;
  parents: string[];
  author: { name: string; email: string };
  committedAtSeconds: number;
  message: string;
}

const oidBytes = 20;
const typeOfMode = new Map<string, GitEntry['type']>([
  ['040000', 'tree'],
  ['100644', 'blob'],
  ['100755', 'blob'],
  ['120000', 'blob'],
  ['160000', 'commit'],
]);

/** `mode name NUL id`, one after the other; null for the Git library to judge. */
export function parseTree(data: Buffer): GitEntry[] | null {
  const entries: GitEntry[] = [];
  let at = 0;
  while (at < data.byteLength) {
    const space = data.indexOf(0x20, at);
    const end = space < 0 ? -1 : data.indexOf(0, space);
    if (end < 0 || end + 1 + oidBytes > data.byteLength) return null;
    const mode = data.toString('latin1', at, space).padStart(6, '0');
    const type = typeOfMode.get(mode);
    const path = data.toString('utf8', space + 1, end);
    if (type === undefined || !checkSegment(path).ok) return null;
    at = end + 1 + oidBytes;
    entries.push({ mode, path, oid: data.toString('hex', end + 1, at), type });
  }
  return entries;
}

/** Headers, an empty line, the message; null for the Git library to judge. */
export function parseCommit(data: Buffer): GitCommit | null {
  const text = data.toString('utf8');
  const end = text.indexOf('\n\n');
  const headers = text.slice(0, Math.max(end, 0)).split('\n');
  const valuesOf = (name: string): string[] =>
    headers.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));
  const [tree] = valuesOf('tree');
  const author = personOf(valuesOf('author')[0]);
  const committer = personOf(valuesOf('committer')[0]);
  if (tree === undefined || author === null || committer === null) return null;
  const message = `${text
    .slice(end + 2)
    .replaceAll('\r', '')
    .replace(/^\n+/, '')
    .replace(/\n+$/, '')}\n`;
  const { name, email } = author;
  return {
    tree,
    parents: valuesOf('parent'),
    author: { name, email },
    committedAtSeconds: committer.atSeconds,
    message,
  };
}

function personOf(line: string | undefined): { name: string; email: string; atSeconds: number } | null {
  const match = /^(.*) <(.*)> (\d{1,12}) [+-]\d{4}$/.exec(line ?? '');
  if (match === null) return null;
  const [, name = '', email = '', at = ''] = match;
  return { name, email, atSeconds: Number(at) };
}
