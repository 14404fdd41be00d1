import { expect, test, vi } from 'vitest';

import { JobPool } from './jobPool.ts';

function makePool(runningMax: number): {
  pool: JobPool;
  started: string[];
  end: (key: string) => void;
  errors: string[];
} {
  const started: string[] = [];
  const errors: string[] = [];
  const ends = new Map<string, PromiseWithResolvers<void>>();
  const pool = new JobPool({
    runningMax,
    run: (key) => {
      started.push(key);
      const end = Promise.withResolvers<void>();
      ends.set(key, end);
      return end.promise;
    },
    onError: (key) => errors.push(key),
  });
  return { pool, started, errors, end: (key) => ends.get(key)?.resolve() };
}

test('what is asked for while it runs is run once more, however often it was asked', async () => {
  const { pool, started, end } = makePool(2);
  const done = pool.ask('a');
  void pool.ask('a');
  void pool.ask('a');
  end('a');
  await new Promise(setImmediate);
  expect(started).toEqual(['a', 'a']);
  end('a');
  await done;
  expect(started).toEqual(['a', 'a']);
});

test('no more than the limit run at once, and others wait their turn', async () => {
  const { pool, started, end } = makePool(2);
  void pool.ask('a');
  void pool.ask('b');
  const third = pool.ask('c');
  expect(started).toEqual(['a', 'b']);
  end('a');
  await new Promise(setImmediate);
  expect(started).toEqual(['a', 'b', 'c']);
  end('c');
  await third;
});

test('what is asked for during a run that fails is run all the same', async () => {
  const errors: string[] = [];
  let runs = 0;
  const pool = new JobPool({
    runningMax: 1,
    run: async () => {
      if (++runs > 1) return;
      void pool.ask('a');
      await Promise.reject(new Error('no'));
    },
    onError: (key) => errors.push(key),
  });
  await pool.ask('a');
  expect({ errors, runs }).toEqual({ errors: ['a'], runs: 2 });
});

test('a failure is told and leaves the pool working', async () => {
  const errors: string[] = [];
  let runs = 0;
  const pool = new JobPool({
    runningMax: 1,
    run: () => (++runs === 1 ? Promise.reject(new Error('no')) : Promise.resolve()),
    onError: (key) => errors.push(key),
  });
  await pool.ask('a');
  await pool.ask('a');
  expect(errors).toEqual(['a']);
  expect(runs).toBe(2);
});

test('a key rests after a run that took long, and what was asked meanwhile is run after the rest', async () => {
  vi.useFakeTimers();
  const started: string[] = [];
  const pool = new JobPool({
    runningMax: 1,
    run: async (key) => {
      started.push(key);
      await new Promise((resolve) => setTimeout(resolve, 100));
    },
    onError: () => undefined,
    restMs: (tookMs) => tookMs * 3,
  });
  void pool.ask('large');
  const again = pool.ask('large');
  void pool.ask('other');
  await vi.advanceTimersByTimeAsync(390);
  expect(started).toEqual(['large', 'other']);
  await vi.advanceTimersByTimeAsync(20);
  expect(started).toEqual(['large', 'other', 'large']);
  await vi.advanceTimersByTimeAsync(100);
  await again;
  vi.useRealTimers();
});
