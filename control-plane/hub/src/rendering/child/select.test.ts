import { expect, test } from 'vitest';

import { selectFiles, type DirectoryOptions } from './select.ts';

const files = ['a.yaml', 'b.json', 'x/c.yml', 'x/y/d.yaml', '.hidden.yaml'].map((path) => ({
  path,
  bytes: Buffer.alloc(0),
}));

function selected(options: Partial<DirectoryOptions>): string[] {
  const selection = selectFiles(files, [], { recurse: true, include: [], exclude: [], ...options });
  return selection.ok ? selection.files.map(({ path }) => path) : [selection.file];
}

test('without recurse only the files of the folder itself', () => {
  expect(selected({ recurse: false })).toEqual(['a.yaml', 'b.json', '.hidden.yaml']);
});

test('include and exclude are globs over the path; without a slash over the name', () => {
  expect(selected({ include: ['*.yaml'] })).toEqual(['a.yaml', 'x/y/d.yaml', '.hidden.yaml']);
  expect(selected({ include: ['x/**'] })).toEqual(['x/c.yml', 'x/y/d.yaml']);
  expect(selected({ include: ['**/*.yaml'], exclude: ['x/**'] })).toEqual(['a.yaml', '.hidden.yaml']);
  expect(selected({ exclude: ['{a,d}.yaml'] })).toEqual(['b.json', 'x/c.yml', '.hidden.yaml']);
});

test('a symbolic link that would be selected is an error, never a file that is missing', () => {
  const links = [{ path: 'x/link.yaml', link: 'symlink' as const }];
  const all = { recurse: true, include: [], exclude: [] };
  expect(selectFiles(files, links, all)).toMatchObject({ ok: false, file: 'x/link.yaml' });
  expect(selectFiles(files, links, { ...all, exclude: ['link.yaml'] }).ok).toBe(true);
  expect(selectFiles(files, links, { ...all, recurse: false }).ok).toBe(true);
});
