import { describe, expect, test } from 'vitest';
import { root } from '../root.ts';
import { architectureProblems } from './architecture.ts';

describe('ARCHITECTURE.md is held to the code', () => {
  test('a path that does not exist is a problem', () => {
    expect(architectureProblems(root, 'see `domain/src/nowhere.ts`')).toEqual([
      'ARCHITECTURE.md names domain/src/nowhere.ts, which does not exist',
    ]);
  });

  test('a function that its file does not have is a problem', () => {
    expect(architectureProblems(root, '`domain/src/digest/sha256.ts#forgotten`')).toEqual([
      'ARCHITECTURE.md names forgotten in domain/src/digest/sha256.ts, which does not have it',
    ]);
  });

  test('what exists, routes and plain words are fine', () => {
    expect(
      architectureProblems(root, '`domain/src/digest/sha256.ts#toHex` `/api/v1/events` `npm test`'),
    ).toEqual([]);
  });
});
