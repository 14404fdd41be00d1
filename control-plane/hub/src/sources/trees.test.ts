import { expect, test } from 'vitest';

import { decodeTree, encodeTree } from './trees.ts';

const files = Array.from({ length: 500 }, (_, at) => ({
  path: `f${at}.yaml`,
  bytes: Buffer.from(`a: ${at}\n`.repeat(20)),
}));

test('what is written is read back, links included', () => {
  const tree = {
    files: [
      { path: 'b', bytes: Buffer.from([0, 255, 10]) },
      { path: 'a', bytes: Buffer.alloc(0) },
    ],
    links: [{ path: 'c', link: 'symlink' as const }],
  };
  const encoded = encodeTree(tree);
  expect(decodeTree(encoded.frames.map(({ bytes }) => bytes))).toEqual({
    files: [tree.files[1], tree.files[0]],
    links: tree.links,
  });
});

test('the order of files changes nothing', () => {
  expect(encodeTree({ files: files.toReversed(), links: [] })).toEqual(encodeTree({ files, links: [] }));
});

test('a changed file costs one frame', () => {
  const before = encodeTree({ files, links: [] });
  const changed = files.map((file) =>
    file.path === 'f77.yaml' ? { ...file, bytes: Buffer.from('changed, and of another length\n') } : file,
  );
  const held = new Set(before.frames.map(({ digest }) => digest));
  const after = encodeTree({ files: changed, links: [] });
  expect(after.frames.filter(({ digest }) => !held.has(digest))).toHaveLength(1);
  expect(after.digest).not.toBe(before.digest);
  expect(before.frames.length).toBeGreaterThan(10);
});
