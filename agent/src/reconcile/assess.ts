/**
 * assess: what is shown of a target, from what the watches and the last pass left in memory. Sync: is every object of
 * the bundle in force as it was applied. Health: the worst of its live objects, hooks apart.
 */
import { worst } from '@flotilla/domain/health/health';
import { parseIdentityKey } from '@flotilla/domain/object/identity';
import type { ObservedResource, ObservedState } from '@flotilla/domain/status/observed';
import type { Condition, Health, SyncStatus } from '@flotilla/domain/status/words';
import { isWorse } from '@flotilla/domain/health/health';
import type { ObjectRecord } from './records.ts';
import { isOutOfSync, isUnknown } from './records.ts';
import type { Target } from './target.ts';

const resourcesMax = 20;

export function assess(target: Target, nowMs: number): ObservedState {
  const { objects, outOfSync, unknown, health, shown } = tally(target);
  return {
    target: target.uid,
    assignment: assignmentOf(target),
    revision: target.inForce?.revision ?? 0,
    bundle: target.inForce?.bundle ?? '',
    sync: syncOf(target, outOfSync, unknown > 0),
    health: overdue(target, health, nowMs),
    operation: target.operation,
    counts: { objects, outOfSync, pruneHeld: target.pruneHeld },
    conditions: conditionsOf(target),
    resources: resourcesOf(target, shown),
    removal: target.removal,
  };
}

interface Tally {
  objects: number;
  outOfSync: number;
  unknown: number;
  /** The worst. */
  health: Health;
  /** Those that are shown by name. */
  shown: ObjectRecord[];
}

/** In one pass: a state is looked at again with every change. */
function tally(target: Target): Tally {
  const sum: Tally = { objects: 0, outOfSync: 0, unknown: 0, health: worst([]), shown: [] };
  for (const record of target.records.values()) {
    if (record.desired === null || record.hook) continue;
    const health = healthOfRecord(record);
    sum.objects += 1;
    if (isOutOfSync(record)) sum.outOfSync += 1;
    if (isUnknown(record)) sum.unknown += 1;
    if (health !== null && isWorse(health.status, sum.health.status)) sum.health = health;
    if (isShown(target, record, health)) sum.shown.push(record);
  }
  return sum;
}

/** A removal that was begun speaks of the entry that asked for it: only so does the hub take `Removed` for an answer. */
function assignmentOf({ removal, head, inForce }: Target): number {
  return removal === 'None' ? (inForce?.assignment ?? 0) : head.assignment;
}

function syncOf(target: Target, outOfSync: number, unknown: boolean): SyncStatus {
  if (target.inForce === null || unknown) return 'Unknown';
  if (isUnderWay(target)) return 'OutOfSync';
  const held = target.conditions.has('NotPermitted') || target.failures.size > 0;
  return outOfSync > 0 || held || target.pruneHeld > 0 ? 'OutOfSync' : 'Synced';
}

/** Not everything of the assignment in force was applied yet: nobody may read its state as Synced. */
function isUnderWay({ operation, inForce }: Target): boolean {
  return operation?.finishedAt === null && operation.assignment === inForce?.assignment;
}

function healthOfRecord(record: ObjectRecord): Health | null {
  if (record.live === 'missing') return { status: 'Missing', message: 'not on the cluster' };
  if (record.live === 'deleting') return { status: 'Progressing', message: 'pending deletion' };
  return record.health;
}

/** Progressing for longer than a sync wave may take is no progress. */
function overdue(target: Target, health: Health, nowMs: number): Health {
  const finishedAt = target.operation?.finishedAt;
  if (health.status !== 'Progressing' || !finishedAt) return health;
  const forMs = nowMs - Date.parse(finishedAt);
  if (forMs < target.body.timeouts.syncWaveMs) return health;
  return {
    status: 'Degraded',
    message: `not healthy after ${Math.round(forMs / 1000)} s: ${health.message}`,
  };
}

function conditionsOf(target: Target): Condition[] {
  return [...target.conditions]
    .map(([type, message]) => ({ type, message }))
    .sort((a, b) => (a.type < b.type ? -1 : 1));
}

/** The ones to look at, worst first. */
function resourcesOf(target: Target, shown: ObjectRecord[]): ObservedResource[] {
  return shown
    .sort(worseFirst)
    .slice(0, resourcesMax)
    .flatMap((record) => resourceOf(target, record) ?? []);
}

function isShown(target: Target, record: ObjectRecord, health: Health | null): boolean {
  const fine = health === null || health.status === 'Healthy' || health.status === 'Suspended';
  return !fine || isOutOfSync(record) || target.failures.has(record.key);
}

function worseFirst(a: ObjectRecord, b: ObjectRecord): number {
  const [left, right] = [healthOfRecord(a)?.status ?? 'Healthy', healthOfRecord(b)?.status ?? 'Healthy'];
  if (left !== right) return isWorse(left, right) ? -1 : 1;
  return a.key < b.key ? -1 : 1;
}

function resourceOf(target: Target, record: ObjectRecord): ObservedResource | null {
  const identity = parseIdentityKey(record.key);
  if (identity === null) return null;
  const health = healthOfRecord(record);
  const failure = target.failures.get(record.key) ?? '';
  const conflict = target.healing.get(record.key)?.conflict ?? '';
  return {
    ...identity,
    sync: isOutOfSync(record) ? 'OutOfSync' : 'Synced',
    health,
    message: failure || conflict || health?.message || '',
  };
}
