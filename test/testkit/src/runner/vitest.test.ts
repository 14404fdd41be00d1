import { expect, test } from 'vitest';
import { totalsOf } from './vitest.ts';

test('passed, failed and skipped tests are counted over all files', () => {
  const totals = totalsOf({
    testResults: [
      { status: 'passed', assertionResults: [{ status: 'passed' }, { status: 'pending' }] },
      { status: 'failed', assertionResults: [{ status: 'failed' }, { status: 'passed' }] },
    ],
  });
  expect(totals).toEqual({ passed: 2, failed: 1, skipped: 1 });
});

test('a file that could not be loaded is a failure', () => {
  expect(totalsOf({ testResults: [{ status: 'failed', assertionResults: [] }] })).toEqual({
    passed: 0,
    failed: 1,
    skipped: 0,
  });
});
