import { expect, test } from 'vitest';

import { readTree, treeDefaults, type GitEntry, type GitObjects } from './readTree.ts';

/** A repository as nested maps: text is a file, `link:` a symbolic link, `module:` a submodule. */
type Folder = { [name: string]: string | Folder };

function objectsOf(root: Folder): GitObjects & { read: string[] } {
  const trees = new Map<string, GitEntry[]>();
  const blobs = new Map<string, string>();
  const read: string[] = [];
  const add = (folder: Folder, oid: string): void => {
    const entries = Object.entries(folder).map(([path, content]): GitEntry => {
      const child = `${oid}/${path}`;
      if (typeof content !== 'string') {
        add(content, child);
        return { path, oid: child, mode: '040000', type: 'tree' };
      }
      blobs.set(child, content);
      if (content.startsWith('link:')) return { path, oid: child, mode: '120000', type: 'blob' };
      if (content.startsWith('module:')) return { path, oid: child, mode: '160000', type: 'commit' };
      return { path, oid: child, mode: '100644', type: 'blob' };
    });
    trees.set(oid, entries);
  };
  add(root, 'root');
  return {
    read,
    tree: (oid) => Promise.resolve(trees.get(oid) ?? []),
    blob: (oid) => {
      read.push(oid);
      return Promise.resolve(Buffer.from(blobs.get(oid) ?? ''));
    },
  };
}

async function pathsOf(root: Folder, path: string, limits = treeDefaults): Promise<string[]> {
  const tree = await readTree(objectsOf(root), 'root', path, limits);
  return [
    ...tree.files.map((file) => file.path),
    ...tree.links.map((entry) => `${entry.link}:${entry.path}`),
  ];
}

test('manifests below the path are read, relative to it; other files cost nothing', async () => {
  const objects = objectsOf({
    app: { 'a.yaml': 'a', 'b.txt': 'b', sub: { 'c.json': 'c', 'd.YML': 'd' } },
    'e.yaml': 'e',
  });
  const tree = await readTree(objects, 'root', 'app', treeDefaults);
  expect(tree.files.map(({ path, bytes }) => [path, bytes.toString()])).toEqual([
    ['a.yaml', 'a'],
    ['sub/c.json', 'c'],
    ['sub/d.YML', 'd'],
  ]);
  expect(objects.read).toEqual(['root/app/a.yaml', 'root/app/sub/c.json', 'root/app/sub/d.YML']);
});

test('the root, and a single file, are paths too', async () => {
  expect(await pathsOf({ 'a.yaml': '', x: { 'b.yaml': '' } }, '.')).toEqual(['a.yaml', 'x/b.yaml']);
  expect(await pathsOf({ x: { 'b.yaml': '', 'c.yaml': '' } }, 'x/b.yaml')).toEqual(['b.yaml']);
});

test('links are named and never followed', async () => {
  const root: Folder = {
    app: {
      'a.yaml': 'link:/etc/passwd',
      'b.yaml': 'link:../../../etc/shadow',
      dir: 'link:..',
      mod: 'module:',
      'c.yaml': 'c',
    },
  };
  const objects = objectsOf(root);
  const tree = await readTree(objects, 'root', 'app', treeDefaults);
  expect(objects.read).toEqual(['root/app/c.yaml']);
  expect(tree.links).toEqual([
    { path: 'a.yaml', link: 'symlink' },
    { path: 'b.yaml', link: 'symlink' },
    { path: 'dir', link: 'symlink' },
    { path: 'mod', link: 'submodule' },
  ]);
});

test.each([
  ['a path that is not there', { app: {} }, 'nope', /'nope' does not exist/],
  ['a path through a link', { app: 'link:/etc' }, 'app/x', /leads through a symlink/],
  ['a chain of links', { a: { b: 'link:../c' }, c: 'link:/etc' }, 'a/b', /leads through a symlink/],
  ['a path through a submodule', { app: 'module:' }, 'app', /leads through a submodule/],
  ['a path through a file', { 'a.yaml': 'x' }, 'a.yaml/b', /neither a directory/],
  ['a file that is no manifest', { 'a.txt': 'x' }, 'a.txt', /neither a directory/],
  ['a name that climbs', { app: { '..': { 'x.yaml': '' } } }, 'app', /name '\.\.' is refused/],
  ['a name with a separator', { app: { 'a/b.yaml': '' } }, 'app', /separator/],
  ['a name with a NUL', { app: { 'a\u0000.yaml': '' } }, 'app', /control character/],
  ['.git in another case', { app: { '.GIT': { 'x.yaml': '' } } }, 'app', /stands for '\.git'/],
  ['the short name of .git', { app: { 'GIT~1': { 'x.yaml': '' } } }, 'app', /stands for '\.git'/],
])('%s is refused', async (_what, root, path, message) => {
  await expect(pathsOf(root as Folder, path)).rejects.toThrow(message);
});

test('files, entries, depth and bytes have limits', async () => {
  const files = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`f${at}.yaml`, 'x'.repeat(100)]));
  await expect(pathsOf(files, '.', { ...treeDefaults, filesMax: 19 })).rejects.toThrow(
    /more than 19 manifest files/,
  );
  await expect(pathsOf(files, '.', { ...treeDefaults, entriesMax: 19 })).rejects.toThrow(
    /more than 19 entries/,
  );
  await expect(pathsOf(files, '.', { ...treeDefaults, treeBytesMax: 1999 })).rejects.toThrow(
    /more than 1999 bytes/,
  );
  await expect(pathsOf(files, '.', { ...treeDefaults, fileBytesMax: 99 })).rejects.toThrow(
    /'f0\.yaml' has more than 99 bytes/,
  );
  await expect(pathsOf({ a: { b: { c: {} } } }, '.', { ...treeDefaults, depthMax: 2 })).rejects.toThrow(
    /deeper than 2/,
  );
});
