import { setTimeout as delay } from 'node:timers/promises';
import type { FlotillaClient } from '@flotilla/client/client';
import { expect, test } from 'vitest';
import { FleetWatch } from './watch.ts';

interface FakeHub {
  client: FlotillaClient;
  isAway: boolean;
  looks: number;
  /** Sends an event. */
  tell: () => void;
}

function fakeHub(): FakeHub {
  let told = Promise.withResolvers<void>();
  async function* empty() {
    if (hub.isAway) throw new Error('away');
    yield* [];
  }
  async function* events({ signal }: { signal: AbortSignal }) {
    const ended = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    for (;;) {
      await Promise.race([told.promise, ended]);
      if (signal.aborted) return;
      told = Promise.withResolvers<void>();
      yield { id: null, type: 'status', data: { applications: ['a'] } };
    }
  }
  const clusters = () => {
    hub.looks += 1;
    return empty();
  };
  const client = {
    clusters: { all: clusters },
    applications: { all: empty },
    targets: { all: empty },
    events,
  };
  const hub: FakeHub = {
    client: client as unknown as FlotillaClient,
    isAway: false,
    looks: 0,
    tell: () => told.resolve(),
  };
  return hub;
}

test('a hub that is away is told once, asked again, and told when it is back', async () => {
  const hub = fakeHub();
  const told: string[] = [];
  const stop = new AbortController();
  const watch = new FleetWatch(hub.client, {
    seen: () => void told.push('seen'),
    hubAway: (sinceMs) => void told.push(sinceMs === null ? 'back' : 'away'),
  });
  hub.isAway = true;
  const running = watch.run(() => false, stop.signal);
  await expect.poll(() => hub.looks, { timeout: 5000 }).toBeGreaterThan(1);
  hub.isAway = false;
  await expect.poll(() => told, { timeout: 5000 }).toEqual(['away', 'back', 'seen']);
  stop.abort();
  await running;
});

test('a storm of events costs the hub two looks a second, and a quiet fleet next to none', async () => {
  const hub = fakeHub();
  const stop = new AbortController();
  const running = new FleetWatch(hub.client, { seen: () => undefined }).run(() => false, stop.signal);
  const storm = setInterval(() => hub.tell(), 10);
  await delay(1600);
  clearInterval(storm);
  expect(hub.looks).toBeGreaterThan(1);
  expect(hub.looks).toBeLessThanOrEqual(4);
  await delay(600);
  const after = hub.looks;
  await delay(1500);
  expect(hub.looks).toBeLessThanOrEqual(after + 1);
  stop.abort();
  await running;
});
