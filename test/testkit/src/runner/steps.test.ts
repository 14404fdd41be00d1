import { describe, expect, test } from 'vitest';
import { closingLine, exitCodeOf } from './steps.ts';

describe('the end of a test run', () => {
  test('its last line is the one that CI counts', () => {
    expect(closingLine({ passed: 12, failed: 0, skipped: 3 })).toBe('12 passed, 0 failed, 3 skipped');
  });

  test.each([
    { totals: { passed: 3, failed: 0, skipped: 0 }, inCi: true, code: 0 },
    { totals: { passed: 3, failed: 1, skipped: 0 }, inCi: false, code: 1 },
    { totals: { passed: 0, failed: 0, skipped: 0 }, inCi: false, code: 1 },
    { totals: { passed: 3, failed: 0, skipped: 1 }, inCi: false, code: 0 },
    { totals: { passed: 3, failed: 0, skipped: 1 }, inCi: true, code: 1 },
  ])('exits $code for $totals (CI: $inCi)', ({ totals, inCi, code }) => {
    expect(exitCodeOf(totals, inCi)).toBe(code);
  });
});
