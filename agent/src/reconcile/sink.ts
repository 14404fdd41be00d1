/** Where watch events go: to the record of the object, and from there to whoever waits for a change or has to act on it. */
import { kindKey } from '@flotilla/domain/object/identity';
import { labelsOf } from '@flotilla/domain/object/metadata';
import { appLabel, trackingOf } from '@flotilla/domain/object/tracking';
import type { KubeObject } from '@flotilla/domain/object/types';
import { keyOf } from './observe.ts';
import type { ObjectRecord } from './records.ts';
import { isDrifted, noteGone, noteLive, versionOf } from './records.ts';
import type { Target } from './target.ts';
import { recordOf } from './target.ts';
import type { WatchSink } from './watches.ts';

export interface SinkOptions {
  hubId: string;
  byApplication: ReadonlyMap<string, Target>;
  targets: ReadonlyMap<string, Target>;
  /** The target's state may have changed. */
  touch: (target: Target) => void;
  /** Something is to be done about the target. */
  act: (target: Target) => void;
}

export function createSink(options: SinkOptions): WatchSink {
  return {
    live: (object) => live(options, object),
    gone: (object) => gone(options, object),
    listed: (kind, seen, resourceVersion) => listed(options, kind, seen, resourceVersion),
  };
}

/** By the label, which the watch selects by; an object that only copied our marks has no record and is passed over. */
function targetOf(options: SinkOptions, object: KubeObject): Target | undefined {
  return options.byApplication.get(labelsOf(object)[appLabel] ?? '');
}

function live(options: SinkOptions, object: KubeObject): void {
  const target = targetOf(options, object);
  if (target === undefined) return;
  const key = keyOf(object);
  const record = target.records.get(key) ?? newlyKnown(options, target, object, key);
  if (record === null || !noteLive(record, object)) return;
  if (record.live === 'drifted') target.drifted.set(key, object);
  else target.drifted.delete(key);
  options.touch(target);
  if (isDrifted(record)) options.act(target);
}

/** Ours by its tracking, but not in memory: the cache was lost, or it left the bundle. */
function newlyKnown(
  options: SinkOptions,
  target: Target,
  object: KubeObject,
  key: string,
): ObjectRecord | null {
  const tracking = trackingOf(object);
  const ours = tracking?.hub === options.hubId && tracking.application === target.tracker.application;
  return ours ? recordOf(target, key) : null;
}

function gone(options: SinkOptions, object: KubeObject): void {
  const target = targetOf(options, object);
  const record = target?.records.get(keyOf(object));
  if (target === undefined || record === undefined) return;
  const isOther = record.uid !== '' && record.uid !== object.metadata['uid'];
  if (isOther || versionOf(object) < record.resourceVersion) return;
  noteGone(record);
  target.drifted.delete(record.key);
  options.touch(target);
  if (isDrifted(record) || target.pruning.length > 0) options.act(target);
}

/** What a complete list does not have does not exist, unless it was made after the list was read. */
function listed(
  options: SinkOptions,
  kind: { group: string; kind: string },
  seen: ReadonlySet<string>,
  resourceVersion: number,
): void {
  const prefix = `${kindKey(kind)}/`;
  for (const target of options.targets.values()) {
    let changed = false;
    for (const record of target.records.values()) {
      if (!record.key.startsWith(prefix) || seen.has(record.key.slice(prefix.length))) continue;
      if (
        record.live === 'missing' ||
        record.written?.version === '' ||
        record.resourceVersion > resourceVersion
      )
        continue;
      noteGone(record);
      changed ||= record.desired !== null;
    }
    if (!changed) continue;
    options.touch(target);
    options.act(target);
  }
}
