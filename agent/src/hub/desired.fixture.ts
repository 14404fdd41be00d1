/** Desired sets and bundles for tests, made by the domain's own functions. */
import { createHash, randomUUID } from 'node:crypto';
import type { Bundle } from '@flotilla/domain/bundle/bundle';
import { buildBundle } from '@flotilla/domain/bundle/bundle';
import { encodeIndex } from '@flotilla/domain/bundle/bundleIndex';
import { encodeBody, encodeHead } from '@flotilla/domain/desired/encode';
import type { Body, Head } from '@flotilla/domain/desired/entry';
import { splitDesired } from '@flotilla/domain/desired/parts';
import type { DesiredSet, HeldEntry } from '@flotilla/domain/desired/set';
import { desiredBetween, rootDigest } from '@flotilla/domain/desired/set';
import type { ObservedState } from '@flotilla/domain/status/observed';
import { chunkBytesMax } from '@flotilla/proto/limits';
import type { BundleChunk, BundleRequest, HubMessage } from '@flotilla/proto/messages';
import { sha256 } from '../state/sha256.ts';

export const noBundle = '0'.repeat(64);

export function testBody(change: Partial<Body> = {}): Body {
  return {
    application: { id: '01936b00-0000-7000-8000-0000000000aa', name: 'app', project: 'default' },
    destinationNamespace: 'app',
    sync: {
      createNamespace: false,
      pruneLast: false,
      prunePropagation: 'foreground',
      replace: false,
      force: false,
      validate: 'none',
      skipDryRunOnMissingResource: false,
      adopt: false,
      selfHeal: true,
    },
    prune: { enabled: true, allowEmpty: false },
    retry: { limit: 5, backoffMs: 5000, backoffFactor: 2, backoffMaxMs: 180_000 },
    timeouts: { syncWaveMs: 60_000 },
    ignore: [],
    health: [],
    dependsOn: [],
    allowed: { namespaces: ['*'], clusterKinds: [], namespacedKindsDenied: [] },
    ...change,
  };
}

export function testHead(change: Partial<Head> = {}): Omit<Head, 'body'> {
  return {
    target: randomUUID(),
    state: 'Active',
    assignment: 1,
    revision: 1,
    bundle: { digest: noBundle, sizeBytes: 0 },
    deletesMax: 10,
    operation: {},
    ...change,
  };
}

export function testSet(
  mark: { epoch: number; generation: number },
  entries: { head: Omit<Head, 'body'>; body?: Body }[],
): DesiredSet {
  const held = new Map<string, HeldEntry>();
  const bodies = new Map<string, Uint8Array>();
  for (const { head, body } of entries) {
    const bodyBytes = encodeBody(body ?? testBody());
    const bodyDigest = hex(bodyBytes);
    const bytes = encodeHead({ ...head, body: bodyDigest });
    bodies.set(bodyDigest, bodyBytes);
    held.set(head.target, { target: head.target, head: bytes, headDigest: hex(bytes), bodyDigest });
  }
  return { mark: { ...mark, digest: rootDigest(held.values(), sha256) }, entries: held, bodies };
}

/** What a hub sends to take a holder of `base` to `next`. */
export function desiredMessages(base: DesiredSet | null, next: DesiredSet, partBytes?: number): HubMessage[] {
  return splitDesired(desiredBetween(base, next, new Set()), partBytes).map((part) => ({
    type: 'Desired',
    ...part,
  }));
}

/** ConfigMaps, so many that several frames come out. */
export function testBundle(count: number, change: Record<number, string> = {}): Bundle {
  const objects = Array.from({ length: count }, (_, number) => ({
    source: `test#${String(number)}`,
    object: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: `settings-${String(number)}`, namespace: 'app' },
      data: { value: change[number] ?? 'x'.repeat(2000) },
    },
  }));
  const built = buildBundle(objects, sha256);
  if (!built.ok) throw new Error(built.error.problem);
  return built.bundle;
}

/** As a hub answers a FetchBundle for one of these bundles. */
export function* bundleChunks(bundles: Bundle[], request: BundleRequest): Generator<BundleChunk> {
  const bundle = bundles.find(({ index }) => index.digest === request.digest);
  if (bundle === undefined) throw new Error('no such bundle');
  if (request.frames.length === 0) {
    const index = encodeIndex(bundle.index);
    for (let at = 0; at < index.length; at += chunkBytesMax) {
      yield { type: 'index', data: index.subarray(at, at + chunkBytesMax), totalBytes: index.length };
    }
  }
  for (const { digest, offset } of request.frames) {
    const frame = bundle.frames[bundle.index.frames.findIndex((indexed) => indexed.digest === digest)];
    if (frame === undefined) throw new Error('no such frame');
    for (let at = offset; at < frame.length; at += chunkBytesMax) {
      const data = frame.subarray(at, at + chunkBytesMax);
      yield { type: 'frame', digest, offset: at, data, totalBytes: frame.length };
    }
  }
}

export function testState(target: string, change: Partial<ObservedState> = {}): ObservedState {
  return {
    target,
    assignment: 1,
    revision: 1,
    bundle: noBundle,
    sync: 'Synced',
    health: { status: 'Healthy', message: '' },
    operation: null,
    counts: { objects: 1, outOfSync: 0, pruneHeld: 0 },
    conditions: [],
    resources: [],
    removal: 'None',
    ...change,
  };
}

export function hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
