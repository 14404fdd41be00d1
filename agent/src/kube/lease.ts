/**
 * The Lease that makes one pod the agent of its cluster. It is held only as long as this process's own monotonic clock
 * says so, counted from *before* the last renewal that the server confirmed: a frozen process finds its lease lapsed when it
 * wakes, whatever the wall clock says. Others take it only after watching the same record unchanged for its whole
 * duration by their own clock.
 */
import type { KubeObject } from '@flotilla/domain/object/types';
import type { Clock } from '../clock.ts';
import type { KubeClient } from './client.ts';
import { isKubeError } from './error.ts';
import { getObject } from './get.ts';
import { leaseResource } from './resource.ts';
import { createObject, replaceObject } from './write.ts';

export interface LeaseOptions {
  kube: KubeClient;
  clock: Clock;
  namespace: string;
  name: string;
  /** Unique per pod: a process that was started again in the same pod takes over at once, since the one before is dead. */
  holder: string;
  durationMs?: number;
  renewEveryMs?: number;
  /** Called whenever holding begins or ends. */
  onChange?: (held: boolean) => void;
}

export interface LeaseRecord {
  uid: string;
  transitions: number;
}

export interface Lease {
  /** True only while holding is certain by the monotonic clock. */
  held(): boolean;
  /** Of the Lease object as last seen, for Hello. Null before the first answer. */
  record(): LeaseRecord | null;
  /** Resolves as soon as the lease is held; rejects when aborted. */
  acquired(signal?: AbortSignal): Promise<void>;
  /** Stops renewing and gives the lease up, so that a standby need not wait. */
  release(): Promise<void>;
}

interface Spec {
  holderIdentity: string;
  leaseDurationSeconds: number;
  acquireTime: string;
  renewTime: string;
  leaseTransitions: number;
}

interface Holding extends Required<LeaseOptions> {
  validUntilMs: number;
  record: LeaseRecord | null;
  /** The foreign record last seen, and since when by our own clock. */
  foreign: { resourceVersion: string; sinceMs: number } | null;
  wasHeld: boolean;
  /** This process has held it before: taking it again is no hand-over. */
  everHeld: boolean;
  waiters: (() => void)[];
  signal: AbortSignal;
}

export function holdLease(options: LeaseOptions): Lease {
  const controller = new AbortController();
  const holding: Holding = {
    durationMs: 15_000,
    renewEveryMs: 5_000,
    onChange: () => undefined,
    ...options,
    validUntilMs: -Infinity,
    record: null,
    foreign: null,
    wasHeld: false,
    everHeld: false,
    waiters: [],
    signal: controller.signal,
  };
  const running = renewForever(holding);
  return {
    held: () => isHeld(holding),
    record: () => holding.record,
    acquired: (signal) => waitUntilHeld(holding, signal),
    release: async () => {
      controller.abort(new Error('lease released'));
      await running;
      if (isHeld(holding)) await giveUp(holding).catch(() => undefined);
      holding.validUntilMs = -Infinity;
      notice(holding);
    },
  };
}

function isHeld(holding: Holding): boolean {
  return holding.clock.monotonicMs() < holding.validUntilMs;
}

function waitUntilHeld(holding: Holding, signal: AbortSignal | undefined): Promise<void> {
  if (isHeld(holding)) return Promise.resolve();
  return new Promise((resolve, reject) => {
    holding.waiters.push(resolve);
    signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

async function renewForever(holding: Holding): Promise<void> {
  while (!holding.signal.aborted) {
    try {
      await renewOnce(holding);
    } catch (error) {
      // Losing a race and an API server that is away look the same here: not renewed.
      if (!isKubeError(error) && !holding.signal.aborted) throw error;
    }
    notice(holding);
    const waitMs = isHeld(holding) ? holding.renewEveryMs : Math.min(2_000, holding.renewEveryMs);
    await holding.clock.sleep(waitMs, holding.signal).catch(() => undefined);
    notice(holding);
  }
}

function notice(holding: Holding): void {
  const held = isHeld(holding);
  if (held === holding.wasHeld) return;
  holding.wasHeld = held;
  holding.onChange(held);
  if (held) for (const resolve of holding.waiters.splice(0)) resolve();
}

async function renewOnce(holding: Holding): Promise<void> {
  const { kube, clock, namespace, name, signal } = holding;
  const askedMs = clock.monotonicMs();
  const live = await getObject(kube, { resource: leaseResource, namespace, name }, { signal });
  if (live === null) {
    const created = await createObject(kube, leaseResource, leaseObject(holding, null), { signal });
    confirm(holding, created, askedMs);
    return;
  }
  remember(holding, live);
  if (!mayTake(holding, live)) return;
  const replaced = await replaceObject(kube, leaseResource, leaseObject(holding, live), { signal });
  confirm(holding, replaced, askedMs);
}

function confirm(holding: Holding, lease: KubeObject, askedMs: number): void {
  remember(holding, lease);
  holding.foreign = null;
  holding.everHeld = true;
  holding.validUntilMs = askedMs + holding.durationMs;
}

function remember(holding: Holding, lease: KubeObject): void {
  const uid = String(lease.metadata['uid']);
  holding.record = { uid, transitions: specOf(lease).leaseTransitions ?? 0 };
}

function mayTake(holding: Holding, lease: KubeObject): boolean {
  const spec = specOf(lease);
  const holder = spec.holderIdentity ?? '';
  if (holder === '' || holder === holding.holder) return true;
  const resourceVersion = String(lease.metadata['resourceVersion']);
  const nowMs = holding.clock.monotonicMs();
  if (holding.foreign?.resourceVersion !== resourceVersion)
    holding.foreign = { resourceVersion, sinceMs: nowMs };
  const durationMs = (spec.leaseDurationSeconds ?? holding.durationMs / 1000) * 1000;
  return nowMs - holding.foreign.sinceMs > durationMs;
}

function specOf(lease: KubeObject): Partial<Spec> {
  return (lease['spec'] ?? {}) as Partial<Spec>;
}

function leaseObject(holding: Holding, live: KubeObject | null): KubeObject {
  const old = live ? specOf(live) : {};
  const same = holding.everHeld && old.holderIdentity === holding.holder;
  const now = microTime(holding.clock.nowMs());
  const spec: Spec = {
    holderIdentity: holding.holder,
    leaseDurationSeconds: Math.ceil(holding.durationMs / 1000),
    acquireTime: (same ? old.acquireTime : undefined) ?? now,
    renewTime: now,
    leaseTransitions: (old.leaseTransitions ?? 0) + (same || live === null ? 0 : 1),
  };
  const metadata = live?.metadata ?? { name: holding.name, namespace: holding.namespace };
  return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec: { ...spec } };
}

function microTime(nowMs: number): string {
  return new Date(nowMs).toISOString().replace('Z', '000Z');
}

/** An empty holder tells a standby to take over at once. */
async function giveUp(holding: Holding): Promise<void> {
  const { kube, namespace, name } = holding;
  const live = await getObject(kube, { resource: leaseResource, namespace, name });
  if (live === null || specOf(live).holderIdentity !== holding.holder) return;
  const spec = { ...specOf(live), holderIdentity: '', leaseDurationSeconds: 1 };
  await replaceObject(kube, leaseResource, { ...live, spec });
}
