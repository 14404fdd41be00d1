/// <reference path="./picomatch.d.ts" />
/** Which files of a source are manifests of the application: by directory depth, then include, then exclude. */
import picomatch from 'picomatch';

import type { TreeFile, TreeLink } from '../../sources/trees.ts';

export interface DirectoryOptions {
  /** Also files of directories below. */
  recurse: boolean;
  /** Globs over paths relative to the source's path; none: every file. */
  include: readonly string[];
  exclude: readonly string[];
}

export type Selection = { ok: true; files: TreeFile[] } | { ok: false; file: string; message: string };

const globOptions = { dot: true, nobrace: false, noextglob: true, maxLength: 1024 } as const;

/** A link that would be selected is an error: leaving it out would look like its removal. */
export function selectFiles(
  files: readonly TreeFile[],
  links: readonly TreeLink[],
  options: DirectoryOptions,
): Selection {
  const isSelected = selector(options);
  for (const { path, link } of links) {
    if (link === 'symlink' && /\.(ya?ml|json)$/i.test(path) && isSelected(path)) {
      return {
        ok: false,
        file: path,
        message: 'is a symbolic link, which is not followed: commit the file itself or exclude it',
      };
    }
  }
  return { ok: true, files: files.filter(({ path }) => isSelected(path)) };
}

function selector({ recurse, include, exclude }: DirectoryOptions): (path: string) => boolean {
  const included = matcher(include);
  const excluded = matcher(exclude);
  return (path) => {
    if (!recurse && path.includes('/')) return false;
    return (include.length === 0 || included(path)) && !excluded(path);
  };
}

/** A glob without a slash means the file's name, wherever it is. */
function matcher(globs: readonly string[]): (path: string) => boolean {
  const tests = globs.map((glob) => {
    const matches = picomatch(glob.replace(/^\.?\//, ''), globOptions);
    if (glob.includes('/')) return matches;
    return (path: string): boolean => matches(path.slice(path.lastIndexOf('/') + 1));
  });
  return (path) => tests.some((test) => test(path));
}
