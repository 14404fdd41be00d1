/**
 * What the agent remembers of each object: what the bundle wants, what it last wrote, and what the watch said since.
 * Fingerprints instead of objects, and one text where several say the same, so that a thousand objects at rest cost half a
 * megabyte.
 */
import { writtenMeta } from '@flotilla/domain/diff/drift';
import { ownValuesText } from '@flotilla/domain/diff/ownValues';
import { healthOf } from '@flotilla/domain/health/healthOf';
import type { KubeObject } from '@flotilla/domain/object/types';
import type { Health } from '@flotilla/domain/status/words';
import { fingerprintOf, sha256 } from '../state/sha256.ts';

/**
 * `unobserved`: no watch has told yet. `drifted`: a field that we applied has changed. `recreated`: another object under
 * this name. `deleting`: going away.
 */
export type LiveVerdict = 'unobserved' | 'missing' | 'unchanged' | 'drifted' | 'recreated' | 'deleting';

/** Our last write: fingerprint of the bundle's line, what else shaped it, fingerprints of the server's answer. */
export interface WrittenRecord {
  uid: string;
  /** apiVersion that was applied: fingerprints of another version say nothing. */
  version: string;
  object: string;
  /** Digest of the body, the same text for every object. */
  shape: string;
  meta: string;
  values: string;
}

export interface ObjectRecord {
  /** `group/kind/namespace/name` */
  key: string;
  /** Fingerprint of the line that the bundle in force has for it; null: not wanted. */
  desired: string | null;
  written: WrittenRecord | null;
  live: LiveVerdict;
  /** '' while it does not exist. */
  uid: string;
  resourceVersion: number;
  health: Health | null;
  /** Fingerprint of a line that has no annotations and makes no kind: nothing in it steers a pass. Null: not known to be one. */
  plain: string | null;
  /** Judged apart: no part of the target's sync and health, never healed. */
  hook: boolean;
  /** A write is on its way: what the watch says meanwhile is judged once its answer is known. */
  writing: boolean;
  ahead: KubeObject | null;
}

export function newRecord(key: string): ObjectRecord {
  return {
    key,
    desired: null,
    written: null,
    plain: null,
    live: 'unobserved',
    uid: '',
    resourceVersion: 0,
    health: null,
    hook: false,
    writing: false,
    ahead: null,
  };
}

export interface AnswerPrints {
  meta: string;
  values: string;
}

/** Fingerprints of an object as the server holds it. */
export function printsOf(object: KubeObject): AnswerPrints {
  return { meta: metaPrint(object), values: fingerprintOf(ownValuesText(object)) };
}

function metaPrint(object: KubeObject): string {
  const { generation, meta } = writtenMeta(object, sha256);
  return fingerprintOf(`${generation ?? ''}.${meta}`);
}

/** From here until `endWrite` watch events wait: the watch is often faster than the answer to our own write. */
export function beginWrite(record: ObjectRecord): void {
  record.writing = true;
}

export function endWrite(record: ObjectRecord): void {
  const ahead = record.ahead;
  record.writing = false;
  record.ahead = null;
  if (ahead !== null) noteLive(record, ahead);
}

/** Takes in the server's answer to our own write. */
export function noteWritten(record: ObjectRecord, answer: KubeObject, object: string, shape: string): void {
  noteUid(record, String(answer.metadata['uid']));
  const { meta, values } = printsOf(answer);
  // Named one by one: what is spread into an object is kept outside of it, in 40 bytes more.
  record.written = { uid: record.uid, version: answer.apiVersion, object, shape, meta, values };
  record.live = 'unchanged';
  noteVersion(record, answer);
  record.health = compactHealth(healthOf(answer));
}

/** What is there already serves: nothing was sent, and nothing need be until the bundle's line changes. */
export function noteAsWritten(record: ObjectRecord, object: string, shape: string): void {
  record.written = { uid: '', version: '', object, shape, meta: '', values: '' };
}

/** Takes in a watched or listed object; false for one older than what is known. */
export function noteLive(record: ObjectRecord, object: KubeObject): boolean {
  const version = versionOf(object);
  if (version < record.resourceVersion) return false;
  // Our own write come back: it was judged by its answer.
  if (version === record.resourceVersion && record.live !== 'unobserved') return false;
  if (record.written !== null && record.written.version !== object.apiVersion) return false;
  if (record.writing) {
    record.ahead = object;
    return false;
  }
  const uid = String(object.metadata['uid']);
  record.live = judge(record, object, uid);
  noteUid(record, record.written?.uid === uid ? record.written.uid : uid);
  noteVersion(record, object);
  record.health = compactHealth(healthOf(object));
  return true;
}

function judge(record: ObjectRecord, object: KubeObject, uid: string): LiveVerdict {
  const written = record.written;
  if (object.metadata['deletionTimestamp'] !== undefined) return 'deleting';
  if (written === null) return 'unobserved';
  if (written.uid !== uid) return 'recreated';
  const meta = metaPrint(object);
  if (meta === written.meta) return 'unchanged';
  if (fingerprintOf(ownValuesText(object)) !== written.values) return 'drifted';
  // Others changed what is theirs: from now on this is what an unchanged object looks like.
  written.meta = meta;
  return 'unchanged';
}

/** The object is gone, or carries our mark no longer. */
export function noteGone(record: ObjectRecord): void {
  record.live = 'missing';
  record.uid = '';
  record.health = null;
}

/** The text that is known is kept: each watch event brings a copy of its own. */
function noteUid(record: ObjectRecord, uid: string): void {
  if (record.uid !== uid) record.uid = uid;
}

function noteVersion(record: ObjectRecord, object: KubeObject): void {
  record.resourceVersion = Math.max(record.resourceVersion, versionOf(object));
}

export function versionOf(object: KubeObject): number {
  return Number(object.metadata['resourceVersion'] ?? 0);
}

const healthy: Health = { status: 'Healthy', message: '' };

/** Most objects are healthy: they share one verdict. */
function compactHealth(health: Health | null): Health | null {
  return health?.status === 'Healthy' && health.message === '' ? healthy : health;
}

/** Written, and no watch has told since: right after a restart nothing can be said of it. */
export function isUnknown(record: ObjectRecord): boolean {
  return record.live === 'unobserved' && record.written?.object === record.desired;
}

/** True where the object is wanted and is not what it should be. */
export function isOutOfSync(record: ObjectRecord): boolean {
  if (record.desired === null || record.hook) return false;
  if (isUnknown(record)) return false;
  return record.live !== 'unchanged' || record.written?.object !== record.desired;
}

/** True where the live object left the state of our last write by somebody else's doing. */
export function isDrifted(record: ObjectRecord): boolean {
  if (record.desired === null || record.hook || record.written?.object !== record.desired) return false;
  return record.live === 'drifted' || record.live === 'missing' || record.live === 'recreated';
}
