/** Bundles over a real stream: only what is lacking is asked for, a cut goes on where it was, damage is never in force. */
import type { Bundle } from '@flotilla/domain/bundle/bundle';
import { buildBundle } from '@flotilla/domain/bundle/bundle';
import type { BundleChunk } from '@flotilla/proto/messages';
import { afterEach, expect, test, vi } from 'vitest';
import { DiskFullError } from '../state/disk.ts';
import { sha256 } from '../state/sha256.ts';
import { bundleChunks, desiredMessages, testBundle, testHead, testSet } from './desired.fixture.ts';
import type { TestHub } from './hub.fixture.ts';
import { startTestHub } from './hub.fixture.ts';
import type { AgentParts } from './parts.fixture.ts';
import { openParts } from './parts.fixture.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function connected(bundles: Bundle[]): Promise<{ hub: TestHub; parts: AgentParts }> {
  const hub = await startTestHub({ serveBundle: (request) => bundleChunks(bundles, request) });
  const parts = await openParts({ hub });
  cleanups.push(hub.close, parts.close);
  const session = parts.session();
  cleanups.push(async () => {
    session.leave();
    await session.ended;
  });
  await vi.waitFor(() => expect(hub.sessions.length).toBe(1), { timeout: 5000 });
  return { hub, parts };
}

function assign(hub: TestHub, generation: number, bundle: Bundle): string {
  const head = testHead({ bundle: { digest: bundle.index.digest, sizeBytes: bundle.index.bytes } });
  const set = testSet({ epoch: 1, generation }, [{ head }]);
  for (const message of desiredMessages(null, set)) hub.sessions[0]?.send(message);
  return head.target;
}

async function arrived(parts: AgentParts, bundle: Bundle): Promise<void> {
  await vi.waitFor(() => expect(parts.arrived).toContain(bundle.index.digest), {
    timeout: 10_000,
    interval: 20,
  });
}

function framesAsked(hub: TestHub): string[] {
  return hub.bundleRequests.flatMap(({ frames }) => frames.map(({ digest }) => digest));
}

test('the index comes first, then every frame once, asked for in the name of the target', async () => {
  const bundle = testBundle(100);
  expect(bundle.frames.length).toBeGreaterThan(3);
  const { hub, parts } = await connected([bundle]);
  const target = assign(hub, 1, bundle);
  await arrived(parts, bundle);
  expect(parts.bundles.isComplete(bundle.index.digest)).toBe(true);
  expect(hub.bundleRequests[0]).toEqual({ digest: bundle.index.digest, target, frames: [] });
  expect(framesAsked(hub).sort()).toEqual(bundle.index.frames.map(({ digest }) => digest).sort());
});

test('what is small comes by the connection of control, what is large by a second one', async () => {
  const bundle = bigObjects();
  const small = testBundle(100);
  const { hub, parts } = await connected([small, bundle]);
  assign(hub, 1, small);
  await arrived(parts, small);
  expect(hub.connections.size).toBe(1);
  assign(hub, 2, bundle);
  await arrived(parts, bundle);
  expect(hub.connections.size).toBe(2);
});

test('an index that says it is large is asked for again by the second connection', async () => {
  const bundle = testBundle(30);
  const { hub, parts } = await connected([bundle]);
  hub.behaviour.serveBundle = function* (request): Generator<BundleChunk> {
    const large = hub.bundleRequests.length === 1;
    for (const chunk of bundleChunks([bundle], request))
      yield large ? { ...chunk, totalBytes: 300_000 } : chunk;
  };
  assign(hub, 1, bundle);
  await arrived(parts, bundle);
  expect(hub.bundleRequests.map(({ frames }) => frames.length > 0)).toEqual([false, false, true]);
  expect(hub.connections.size).toBe(2);
});

test('one changed object costs one frame', async () => {
  const before = testBundle(100);
  const after = testBundle(100, { 50: 'changed' });
  const { hub, parts } = await connected([before, after]);
  assign(hub, 1, before);
  await arrived(parts, before);
  const asked = framesAsked(hub).length;
  assign(hub, 2, after);
  await arrived(parts, after);
  expect(framesAsked(hub).length - asked).toBe(1);
});

test('a cut stream goes on inside the frame where it ended, and asks for nothing it has', async () => {
  const bundle = bigObjects();
  const { hub, parts } = await connected([bundle]);
  let cuts = 0;
  hub.behaviour.serveBundle = function* (request): Generator<BundleChunk> {
    let sent = 0;
    for (const chunk of bundleChunks([bundle], request)) {
      if (request.frames.length > 0 && cuts < 2 && sent === 4) {
        cuts += 1;
        throw new Error('cut');
      }
      sent += 1;
      yield chunk;
    }
  };
  assign(hub, 1, bundle);
  await arrived(parts, bundle);
  const [, first, second, third] = hub.bundleRequests;
  expect(cuts).toBe(2);
  expect(first?.frames.map(({ offset }) => offset > 0)).toEqual([false, false, false]);
  expect(second?.frames.map(({ offset }) => offset > 0)).toEqual([true, false, false]);
  expect(third?.frames.map(({ offset }) => offset > 0)).toEqual([true, false]);
  expect(hub.bundleRequests.filter(({ frames }) => frames.length === 0).length).toBe(1);
});

test('a frame that comes damaged is never kept: it is asked for again until it is right', async () => {
  const bundle = testBundle(30);
  const { hub, parts } = await connected([bundle]);
  let damaged = 1;
  hub.behaviour.serveBundle = function* (request): Generator<BundleChunk> {
    for (const chunk of bundleChunks([bundle], request)) {
      const spoil = chunk.type === 'frame' && damaged > 0;
      if (spoil) damaged -= 1;
      yield spoil ? { ...chunk, data: chunk.data.map((byte) => byte ^ 1) } : chunk;
    }
  };
  assign(hub, 1, bundle);
  await arrived(parts, bundle);
  const asked = framesAsked(hub);
  expect(asked.length).toBeGreaterThan(new Set(asked).size);
  expect(parts.failed).toEqual([expect.stringMatching(/^bundle: frame [0-9a-f]{12} came damaged$/)]);
});

test('why a bundle cannot be had is told: the volume and the hub apart', async () => {
  const bundle = testBundle(30);
  const { hub, parts } = await connected([bundle]);
  const { putFrame } = parts.bundles;
  let full = true;
  parts.bundles.putFrame = (frame, bytes) =>
    full ? Promise.reject(new DiskFullError('/data/frames/abc', null)) : putFrame(frame, bytes);
  assign(hub, 1, bundle);
  await vi.waitFor(() => expect(parts.failed).toContain('disk: no space left for abc'));
  hub.behaviour.serveBundle = () => {
    throw new Error('not kept any more');
  };
  await vi.waitFor(() => expect(parts.failed).toContain('hub: UNAVAILABLE: Error: not kept any more'));
  full = false;
  hub.behaviour.serveBundle = (request) => bundleChunks([bundle], request);
  await arrived(parts, bundle);
});

test('what a new process finds on disk is not fetched again', async () => {
  const bundle = testBundle(60);
  const { hub, parts } = await connected([bundle]);
  assign(hub, 1, bundle);
  await arrived(parts, bundle);
  const requests = hub.bundleRequests.length;
  const restarted = await parts.restart();
  await restarted.acceptor.settle();
  expect(restarted.bundles.isComplete(bundle.index.digest)).toBe(true);
  const session = restarted.session();
  await vi.waitFor(() => expect(hub.sessions.length).toBe(2));
  session.leave();
  await session.ended;
  expect(hub.bundleRequests.length).toBe(requests);
});

/** Three objects of 150 KiB: each is a frame of its own, in five chunks. */
function bigObjects(): Bundle {
  const objects = [1, 2, 3].map((number) => ({
    source: `big#${String(number)}`,
    object: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: `big-${String(number)}`, namespace: 'app' },
      data: { value: String(number).repeat(150_000) },
    },
  }));
  const built = buildBundle(objects, sha256);
  if (!built.ok) throw new Error(built.error.problem);
  return built.bundle;
}
