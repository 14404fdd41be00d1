import { expect, test } from 'vitest';
import { eventually } from '../../test/eventually.ts';
import { fakeKube } from '../../test/fakeKube.ts';
import type { FakeKube } from '../../test/fakeKube.ts';
import type { Clock } from '../clock.ts';
import { KubeError } from './error.ts';
import type { Lease } from './lease.ts';
import { holdLease } from './lease.ts';

/** A clock that moves only when the test says so; sleepers wake when their time has come. */
function manualClock(): Clock & { advance: (ms: number) => Promise<void> } {
  let now = 1_000;
  const sleepers = new Set<{ at: number; wake: () => void }>();
  return {
    nowMs: () => now,
    monotonicMs: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const sleeper = { at: now + ms, wake: resolve };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', () => reject(signal.reason as Error));
      }),
    advance: async (ms) => {
      now += ms;
      for (const sleeper of [...sleepers]) {
        if (sleeper.at > now) continue;
        sleepers.delete(sleeper);
        sleeper.wake();
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    },
  };
}

function leaseOf(kube: FakeKube, clock: Clock, holder: string): Lease {
  return holdLease({
    kube,
    clock,
    namespace: 'n',
    name: 'agent',
    holder,
    durationMs: 15_000,
    renewEveryMs: 5_000,
  });
}

test('a process that was frozen finds its lease lapsed when it wakes', async () => {
  const kube = fakeKube();
  const clock = manualClock();
  const lease = leaseOf(kube, clock, 'a');
  await lease.acquired();
  await clock.advance(5_000);
  await clock.advance(5_000);
  expect(lease.held()).toBe(true);
  kube.failNext = new KubeError('Unavailable', 'away');
  const frozen = clock.advance(16_000);
  expect(lease.held()).toBe(false);
  await frozen;
  await clock.advance(5_000);
  await eventually('it is renewed', () => lease.held());
  await lease.release();
});

test('another pod takes it only after watching it unchanged for its whole duration by its own clock', async () => {
  const kube = fakeKube();
  const holderClock = manualClock();
  const standbyClock = manualClock();
  const holder = leaseOf(kube, holderClock, 'a');
  await holder.acquired();
  const standby = leaseOf(kube, standbyClock, 'b');
  for (let at = 0; at < 7; at += 1) await standbyClock.advance(2_000);
  expect(standby.held()).toBe(false);
  for (let at = 0; at < 3; at += 1) await standbyClock.advance(2_000);
  await eventually('it takes over', () => standby.held());
  expect(standby.record()?.transitions).toBe(1);
  await holderClock.advance(5_000);
  await holderClock.advance(11_000);
  expect(holder.held()).toBe(false);
  await standby.release();
  await holder.release();
});

test('a released lease is taken at once', async () => {
  const kube = fakeKube();
  const clock = manualClock();
  const first = leaseOf(kube, clock, 'a');
  await first.acquired();
  await first.release();
  expect(first.held()).toBe(false);
  const second = leaseOf(kube, clock, 'b');
  await second.acquired();
  expect(second.record()?.transitions).toBe(1);
  await second.release();
});

test('the next process of the same pod takes it at once, and that counts as a hand-over', async () => {
  const kube = fakeKube();
  const clock = manualClock();
  const killed = leaseOf(kube, clock, 'pod');
  await killed.acquired();
  expect(killed.record()?.transitions).toBe(0);
  const next = leaseOf(kube, clock, 'pod');
  await next.acquired();
  expect(next.record()?.transitions).toBe(1);
  await clock.advance(5_000);
  expect(next.held()).toBe(true);
  expect(next.record()?.transitions).toBe(1);
});
