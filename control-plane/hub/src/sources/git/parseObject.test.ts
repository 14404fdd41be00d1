import { expect, test } from 'vitest';

import { parseCommit, parseTree } from './parseObject.ts';

const oid = 'ab'.repeat(20);

function treeOf(...entries: [mode: string, path: string][]): Buffer {
  return Buffer.concat(
    entries.flatMap(([mode, path]) => [Buffer.from(`${mode} ${path}\0`), Buffer.from(oid, 'hex')]),
  );
}

test('a tree gives its entries with whole modes', () => {
  expect(
    parseTree(treeOf(['40000', 'apps'], ['100644', 'ä.yaml'], ['120000', 'l'], ['160000', 'm'])),
  ).toEqual([
    { mode: '040000', path: 'apps', oid, type: 'tree' },
    { mode: '100644', path: 'ä.yaml', oid, type: 'blob' },
    { mode: '120000', path: 'l', oid, type: 'blob' },
    { mode: '160000', path: 'm', oid, type: 'commit' },
  ]);
  expect(parseTree(Buffer.alloc(0))).toEqual([]);
});

test.each(['.git', '..', 'a/b', '.GIT', 'git~1', 'a\\b'])(
  'a tree with %s is left to the Git library',
  (path) => {
    expect(parseTree(treeOf(['100644', 'a'], ['100644', path]))).toBe(null);
  },
);

test('a broken tree is left to the Git library', () => {
  expect(parseTree(treeOf(['100644', 'a']).subarray(0, -1))).toBe(null);
  expect(parseTree(treeOf(['100600', 'a']))).toBe(null);
  expect(parseTree(Buffer.from('100644'))).toBe(null);
});

const headers = `tree ${oid}\nparent ${oid}\nauthor A B <a@b> 1700000000 +0100\ncommitter C <c@d> 1700000001 -0500`;

test('a commit gives its headers and its message', () => {
  const text = `${headers}\ngpgsig -----BEGIN\n tree x\n -----END\n\n\nfirst\r\n\ntree: no header\n\n\n`;
  expect(parseCommit(Buffer.from(text))).toEqual({
    tree: oid,
    parents: [oid],
    author: { name: 'A B', email: 'a@b' },
    committedAtSeconds: 1_700_000_001,
    message: 'first\n\ntree: no header\n',
  });
});

test('a commit without what it must have is left to the Git library', () => {
  expect(parseCommit(Buffer.from(`tree ${oid}\n\nmessage\n`))).toBe(null);
  expect(parseCommit(Buffer.from('nothing'))).toBe(null);
});
