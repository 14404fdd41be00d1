import { expect, test } from 'vitest';
import { systemClock } from '../clock.ts';
import { silentLog } from '../log.ts';
import type { RunSignals } from './queue.ts';
import { createQueue } from './queue.ts';

function queueOf(work: (key: string, signals: RunSignals) => Promise<void>, concurrency = 2) {
  return createQueue({ clock: systemClock(), log: silentLog(), concurrency, work });
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 5));
}

test('a key is worked on by one run at a time; arrivals meanwhile give one more run', async () => {
  let running = 0;
  let runs = 0;
  const gate = Promise.withResolvers<void>();
  const queue = queueOf(async () => {
    running += 1;
    runs += 1;
    expect(running).toBe(1);
    await gate.promise;
    running -= 1;
  });
  for (let at = 0; at < 5; at += 1) queue.add('a');
  await settle();
  gate.resolve();
  await settle();
  expect(runs).toBe(2);
  await queue.stop();
});

test('argocd-agent: a queue of 1,000 drops the oldest silently: here every one of 5,000 is worked on, once however often it came', async () => {
  const runs = new Map<string, number>();
  const gate = Promise.withResolvers<void>();
  const queue = queueOf(async (key) => {
    await gate.promise;
    runs.set(key, (runs.get(key) ?? 0) + 1);
  });
  for (let time = 0; time < 3; time += 1) for (let at = 0; at < 5000; at += 1) queue.add(`t${at}`);
  gate.resolve();
  await expect.poll(() => runs.size).toBe(5000);
  await settle();
  // The two that ran while the others arrived see what came meanwhile in one more run.
  expect([...runs.values()].filter((times) => times > 1)).toEqual([2, 2]);
  await queue.stop();
});

test('Argo CD, Flux: a health wait blocks the fix: here a pre-empting arrival ends the wait of the running run and runs again', async () => {
  const reasons: unknown[] = [];
  const queue = queueOf(async (_key, signals) => {
    if (reasons.length > 0) return;
    await new Promise<void>((_resolve, reject) => {
      signals.preempted.addEventListener('abort', () => {
        reasons.push((signals.preempted.reason as { why: string }).why, signals.stopped.aborted);
        reject(signals.preempted.reason as Error);
      });
    });
  });
  queue.add('a');
  await settle();
  queue.preempt('a');
  await settle();
  expect(reasons).toEqual(['Superseded', false]);
  await queue.stop();
});

test('a run that throws is tried again and never stops the others', async () => {
  const seen: string[] = [];
  const queue = queueOf((key) => {
    seen.push(key);
    return key === 'bad' ? Promise.reject(new Error('broken')) : Promise.resolve();
  });
  queue.add('bad');
  queue.add('good');
  await settle();
  expect(seen).toEqual(['bad', 'good']);
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  expect(seen.filter((key) => key === 'bad').length).toBe(2);
  await queue.stop();
});

test('after stop nothing runs, and stop waits for what does', async () => {
  let done = false;
  const queue = queueOf(async () => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    done = true;
  });
  queue.add('a');
  await queue.stop();
  expect(done).toBe(true);
  queue.add('b');
  await settle();
});
