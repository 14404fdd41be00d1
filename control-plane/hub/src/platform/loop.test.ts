import { expect, test } from 'vitest';

import type { Hints } from './hints.ts';
import { Loggers } from './logger.ts';
import { runLoop } from './loop.ts';

/** Hints that a test rings by itself; no scan comes before an hour. */
function makeLoop(run: (hinted: string[]) => Promise<void>) {
  const stop = new AbortController();
  let ring: (ids: string[]) => void = () => undefined;
  const source = {
    working: true,
    on: (_kind: string, listener: typeof ring) => ((ring = listener), () => undefined),
  };
  const ended = runLoop({
    name: 'test',
    intervalMs: 3_600_000,
    signal: stop.signal,
    logger: new Loggers('silent').for('test'),
    hints: { source: source as unknown as Hints, kinds: ['cluster'] },
    run,
  });
  return { ring: (id: string) => ring([id]), stop: () => (stop.abort(), ended) };
}

test('a hint that comes during a run starts another one', async () => {
  const runs: string[][] = [];
  const twice = Promise.withResolvers<void>();
  const loop = makeLoop(async (hinted) => {
    runs.push(hinted);
    // The first run begins before `loop` is there.
    await Promise.resolve();
    if (runs.length === 1) loop.ring('a');
    else twice.resolve();
  });
  await twice.promise;
  await loop.stop();
  expect(runs).toEqual([[], ['a']]);
});

test('what a hint named is handed in again after a run that failed', async () => {
  const runs: string[][] = [];
  const again = Promise.withResolvers<void>();
  const loop = makeLoop((hinted) => {
    runs.push(hinted);
    if (runs.length === 1) return Promise.resolve();
    if (runs.length === 2) return Promise.reject(new Error('no'));
    return Promise.resolve(again.resolve());
  });
  await new Promise(setImmediate);
  loop.ring('a');
  await again.promise;
  await loop.stop();
  expect(runs).toEqual([[], ['a'], ['a']]);
});
