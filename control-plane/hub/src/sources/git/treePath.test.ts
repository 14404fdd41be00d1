import { expect, test } from 'vitest';

import { checkSegment, checkTreePath, normalTreePath } from './treePath.ts';

const refused = [
  '/etc/passwd',
  '../other',
  'a/../../b',
  'a/..',
  'a//b',
  'a/./b',
  'a\u0000b',
  'a\nb',
  'a\\b',
  '..\\b',
  '.git',
  '.git/config',
  'a/.GIT/hooks',
  'a/.Git',
  '.git.',
  '.git ',
  '.git . .',
  'git~1',
  'GIT~2/x',
  '.git::$INDEX_ALLOCATION',
  '.git:stream/x',
  '.g\u200cit',
  '\ufeff.git',
  '-rf',
  'x'.repeat(256),
  'a/'.repeat(600) + 'b',
  'a/',
];

test.each(refused)('refuses %j', (path) => expect(checkTreePath(path).ok).toBe(false));

test.each([
  '.',
  '',
  'apps',
  'apps/web/base',
  '.github/workflows',
  'a.git',
  'gitops',
  'ünïcode/x.yaml',
  'git~x',
  '.gitignore',
])('accepts %j', (path) => expect(checkTreePath(path).ok).toBe(true));

test('a segment holds no separator', () => {
  expect(checkSegment('a/b').ok).toBe(false);
  expect(checkSegment('..').ok).toBe(false);
  expect(checkSegment('a').ok).toBe(true);
});

test('one path has one spelling', () => {
  expect(['', '.', './', '././', 'a', './a', 'a/', 'a/b//'].map(normalTreePath)).toEqual([
    '.',
    '.',
    '.',
    '.',
    'a',
    'a',
    'a',
    'a/b',
  ]);
});
