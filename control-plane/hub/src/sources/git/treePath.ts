/**
 * Which paths of a Git tree the hub reads. Trees are never checked out, so no name can reach the disk; the rules stay
 * closed all the same, because a path becomes part of messages, of globs and of what a later renderer is given.
 */

export type PathVerdict = { ok: true } | { ok: false; reason: string };

const segmentCharactersMax = 255;
const pathCharactersMax = 1024;

/** Characters that HFS+ ignores in names: `.g\u200cit` is `.git` there. */
const ignoredByHfs = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

/** One name inside a tree, as the tree object spells it. */
export function checkSegment(name: string): PathVerdict {
  if (name === '') return refused('an empty name');
  if (name.length > segmentCharactersMax)
    return refused(`a name of more than ${segmentCharactersMax} characters`);
  if (name === '.' || name === '..') return refused(`a name '${name}'`);
  if (/[\u0000-\u001f\u007f/\\\ufffd]/.test(name))
    return refused('a name with a separator or control character');
  if (isDotGit(name)) return refused("a name that stands for '.git'");
  return { ok: true };
}

/** A path of a specification or of a tree, relative to the root of the repository; `.` is the root itself. */
export function checkTreePath(path: string): PathVerdict {
  if (path === '.' || path === '') return { ok: true };
  if (path.length > pathCharactersMax) return refused(`a path of more than ${pathCharactersMax} characters`);
  if (path.startsWith('/')) return refused('an absolute path');
  if (path.startsWith('-')) return refused("a path that starts with '-'");
  for (const segment of path.split('/')) {
    const verdict = checkSegment(segment);
    if (!verdict.ok) return verdict;
  }
  return { ok: true };
}

/** The one spelling of a path that rows are keyed by: no leading `./`, no trailing slash, `.` for the root. */
export function normalTreePath(path: string): string {
  const trimmed = path.replace(/^(\.\/+)+/, '').replace(/\/+$/, '');
  return trimmed === '' ? '.' : trimmed;
}

/** `.git` as case-insensitive, NTFS (short name, stream, trailing dots and blanks) and HFS+ file systems know it. */
function isDotGit(name: string): boolean {
  const plain = name.replace(ignoredByHfs, '').toLowerCase();
  const [base = ''] = plain.split(':');
  return /^(\.git|git~\d+)[. ]*$/.test(base);
}

function refused(what: string): PathVerdict {
  return { ok: false, reason: `${what} is refused` };
}
