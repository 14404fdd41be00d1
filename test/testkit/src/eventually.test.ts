import { describe, expect, test } from 'vitest';
import { eventually } from './eventually.ts';

describe('eventually', () => {
  test('returns what the check found as soon as it finds it', async () => {
    let calls = 0;
    expect(await eventually('the third call', () => (++calls === 3 ? { calls } : undefined))).toEqual({
      calls: 3,
    });
  });

  test('says what it waited for and the last state that it saw', async () => {
    const never = eventually('the row to be synced', () => [false, { sync: 'OutOfSync' }] as const, {
      timeoutMs: 50,
    });
    await expect(never).rejects.toThrow(
      /not within 50 ms: the row to be synced\nlast seen: \{ sync: 'OutOfSync' \}/,
    );
  });

  test('takes an assertion that fails as a state', async () => {
    let value = 0;
    await eventually('two', () => {
      expect(++value).toBe(2);
      return true;
    });
    const never = eventually('three', () => expect(value).toBe(3), { timeoutMs: 30 });
    await expect(never).rejects.toThrow(/three\nlast seen: AssertionError/);
  });

  test('ends in time when the check hangs', async () => {
    const never = eventually('an answer', () => new Promise<boolean>(() => {}), { timeoutMs: 30 });
    await expect(never).rejects.toThrow(/the check did not return/);
  });
});
