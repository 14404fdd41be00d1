import { expect, test } from 'vitest';
import { differencesOf, totalsOf } from './vitest.ts';

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

test('a known difference is told with its reason, and is neither passed nor skipped', () => {
  const report = {
    testResults: [
      {
        status: 'passed',
        assertionResults: [
          { status: 'passed', fullName: 'watch ends', meta: { differs: 'no timers' } },
          { status: 'passed', meta: {} },
        ],
      },
    ],
  };
  expect(differencesOf(report)).toEqual(['watch ends: no timers']);
  expect(totalsOf(report)).toEqual({ passed: 1, failed: 0, skipped: 0 });
});

test('a difference that is no more is a failure', () => {
  const test = { status: 'failed', fullName: 'watch ends', meta: { differs: 'no timers' } };
  const report = { testResults: [{ status: 'failed', assertionResults: [test] }] };
  expect(differencesOf(report)).toEqual([]);
  expect(totalsOf(report)).toEqual({ passed: 0, failed: 1, skipped: 0 });
});
