import { describe, expect, test } from 'vitest';
import { root } from '../root.ts';
import { architectureProblems, crashTableProblems } from './architecture.ts';

describe('ARCHITECTURE.md is held to the code', () => {
  test('a path that does not exist is a problem', () => {
    expect(architectureProblems(root, 'see `domain/src/nowhere.ts`')).toEqual([
      'ARCHITECTURE.md names domain/src/nowhere.ts, which does not exist',
    ]);
  });

  test('a function that its file does not declare, only says, is a problem', () => {
    expect(architectureProblems(root, '`domain/src/digest/sha256.ts#forgotten`')).toEqual([
      'ARCHITECTURE.md names forgotten in domain/src/digest/sha256.ts, which does not declare it',
    ]);
  });

  test('a name that is only imported there is a problem', () => {
    expect(architectureProblems(root, '`agent/src/reconcile/run.ts#confirmGone`')).toHaveLength(1);
    expect(architectureProblems(root, '`agent/src/reconcile/prune.ts#confirmGone`')).toEqual([]);
  });

  test('the table of crash points has the points of the fault suite, in their order', () => {
    const points = `{ name: 'first PATCH', stop }, { name: 'acked', stop }`;
    const table = '| killed at | what |\n|---|---|\n| first PATCH | `a.ts#a` |\n| acked | `b.ts#b` |\n';
    expect(crashTableProblems(points, table)).toEqual([]);
    expect(crashTableProblems(points, table.replace('| acked | `b.ts#b` |\n', ''))).toHaveLength(1);
  });

  test('a crash point of which no function is named is a problem', () => {
    expect(crashTableProblems(`{ name: 'acked' }`, '| killed at |\n|---|\n| acked | `b.ts` |\n')).toEqual([
      'ARCHITECTURE.md names no function for the crash point acked',
    ]);
  });

  test('what exists, routes and plain words are fine', () => {
    expect(
      architectureProblems(root, '`domain/src/digest/sha256.ts#toHex` `/api/v1/events` `npm test`'),
    ).toEqual([]);
  });
});
