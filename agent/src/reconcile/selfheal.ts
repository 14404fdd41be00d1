/**
 * Self-heal: what somebody changed is put back, object by object, without hooks and without touching the rest. Each revert is told with
 * the fields, who changed them and when. Reverts of one object back off, and one that is fought over is left alone and said to
 * be in conflict. Without `selfHeal` drift is only told, once for each change.
 */
import type { BundleIndex } from '@flotilla/domain/bundle/bundle';
import { findObject, linesOfFrame } from '@flotilla/domain/bundle/read';
import { canonicalText } from '@flotilla/domain/bundle/canonical';
import { driftByDryRun } from '@flotilla/domain/diff/drift';
import { policyOf } from '@flotilla/domain/object/annotations';
import { identityOf, parseIdentityKey } from '@flotilla/domain/object/identity';
import { withTracking } from '@flotilla/domain/object/tracking';
import type { Identity, KubeObject } from '@flotilla/domain/object/types';
import type { DriftField } from '@flotilla/domain/status/observed';
import { fightsIn, recordRevert } from '@flotilla/domain/sync/fight';
import { groupByKind } from '@flotilla/domain/sync/order';
import { selfHealDelayMs } from '@flotilla/domain/sync/retry';
import { applyObject } from '../kube/apply.ts';
import { isKubeError } from '../kube/error.ts';
import { sha256 } from '../state/sha256.ts';
import { applyObjects } from './apply.ts';
import type { Run } from './context.ts';
import { callOptions } from './context.ts';
import { noteUids } from './grow.ts';
import { saveApplied } from './memory.ts';
import type { PlannedApply } from './plan.ts';
import { lostNamespace, shapeOf } from './plan.ts';
import type { ObjectRecord } from './records.ts';
import { isDrifted, isOutOfSync } from './records.ts';
import type { Healing } from './target.ts';

/** Puts back what is due; resolves when nothing more can be done now. */
export async function selfHeal(run: Run): Promise<void> {
  const due = dueObjects(run);
  if (due.length === 0) return;
  if (!run.body.sync.selfHeal) return tellDrift(run, due);
  const index = await indexInForce(run);
  const planned: PlannedApply[] = [];
  for (const record of due) {
    const item = index && (await plannedOf(run, index, record));
    if (item) planned.push(item);
    else await findDamage(run);
  }
  const namespace = lostNamespace(run);
  if (namespace !== null) await applyObjects(run, [namespace]);
  // In the order of kinds: when a whole namespace went, it comes before what was in it.
  for (const group of groupByKind(planned, (item) => item.task.identity, 'apply')) await revert(run, group);
  await noteUids(run);
  await saveApplied(run.cluster, run.target);
  // Nothing happens on the cluster by a write that was refused: no event would bring it back.
  dueObjects(run);
}

/** Drifted or failed, not being deleted, not in conflict, and not within its back-off. Asks to be run again for those that wait. */
function dueObjects(run: Run): ObjectRecord[] {
  const nowMs = run.cluster.clock.monotonicMs();
  const due: ObjectRecord[] = [];
  for (const record of run.target.records.values()) {
    // Objects of a later wave that a failed one kept back stay back: only drift, and what failed by itself, is due.
    const isDue = isDrifted(record) || (run.target.failures.has(record.key) && isOutOfSync(record));
    if (!isDue || record.live === 'deleting') continue;
    const healing = run.target.healing.get(record.key);
    if (healing?.conflict) continue;
    const waitMs = (healing?.notBeforeMs ?? 0) - nowMs;
    if (waitMs <= 0) due.push(record);
    else run.cluster.runLater(run.target, waitMs);
  }
  return due;
}

/** Reading all of it says what is damaged, and takes it out of the complete ones. Rejects with DamagedBundleError. */
async function findDamage(run: Run): Promise<void> {
  const digest = run.target.inForce?.bundle;
  if (digest === undefined) return;
  for await (const { line } of run.cluster.state.bundles.objects(digest)) void line;
}

async function indexInForce(run: Run): Promise<BundleIndex | null> {
  const digest = run.target.inForce?.bundle;
  return digest === undefined ? null : run.cluster.state.bundles.index(digest);
}

async function plannedOf(run: Run, index: BundleIndex, record: ObjectRecord): Promise<PlannedApply | null> {
  const object = await readObject(run, index, record);
  if (object === null || record.desired === null) return null;
  const { tracker } = run.target;
  const manifest = withTracking(object, tracker, run.body.application.name);
  const task = {
    type: 'apply' as const,
    identity: identityOf(object),
    object,
    policy: policyOf(object),
    tracked: true,
  };
  return { key: record.key, task, line: record.desired, shape: shapeOf(run), manifest };
}

/** From the bundle in force: one frame, one line. */
async function readObject(run: Run, index: BundleIndex, record: ObjectRecord): Promise<KubeObject | null> {
  const identity = parseIdentityKey(record.key);
  if (identity === null) return null;
  const place = findObject(index, identity) ?? findObject(index, { ...identity, namespace: '' });
  const frame = place && index.frames[place.frame];
  const bytes = frame ? await run.cluster.state.bundles.frame(frame.digest) : null;
  if (!bytes || !place) return null;
  for (const line of linesOfFrame(bytes, sha256)) {
    if (line.digest() === place.digest) return placed(line.object(), identity);
  }
  return null;
}

function placed(object: KubeObject, identity: Identity): KubeObject {
  const { namespace: _own, ...metadata } = object.metadata;
  const namespace = identity.namespace === '' ? {} : { namespace: identity.namespace };
  return { ...object, metadata: { ...metadata, name: object.metadata.name, ...namespace } };
}

async function revert(run: Run, planned: PlannedApply[]): Promise<void> {
  const answers = new Map<string, KubeObject>();
  const before = new Map(planned.map(({ key }) => [key, run.target.drifted.get(key) ?? null]));
  const wasDrift = new Set(planned.filter(({ key }) => isOwnDrift(run, key)).map(({ key }) => key));
  const watched = planned.map((item) => ({
    ...item,
    onAnswer: (answer: KubeObject) => answers.set(item.key, answer),
  }));
  for (const { key } of planned) run.target.drifted.delete(key);
  await applyObjects(run, watched);
  for (const { key } of planned) {
    const answer = answers.get(key) ?? null;
    const live = before.get(key) ?? null;
    const fields = answer && live ? driftByDryRun({ dryRun: answer, live }).fields : [];
    // A write that changed nothing on our paths was no revert: whoever wrote there wrote what is theirs.
    if (answer && live && fields.length === 0) continue;
    noteRevert(run, key, fields);
    if (answer && wasDrift.has(key)) tell(run, key, fields, true);
  }
}

/** Drift is what others did to what we had applied; an object that we never managed to apply is a failure, not drift. */
function isOwnDrift(run: Run, key: string): boolean {
  const record = run.target.records.get(key);
  return record !== undefined && isDrifted(record);
}

function noteRevert(run: Run, key: string, fields: DriftField[]): void {
  const { clock } = run.cluster;
  const known: Healing = run.target.healing.get(key) ?? {
    reverts: 0,
    notBeforeMs: 0,
    fights: new Map(),
    conflict: null,
  };
  const reverts = known.reverts + 1;
  const fights = recordRevert(known.fights, fields, clock.nowMs());
  const fought = fightsIn(fights, fields, clock.nowMs());
  const conflict = fought
    .map(({ path, manager }) => `${path} is written by ${manager || 'another client'} again and again`)
    .join(', ');
  const notBeforeMs = clock.monotonicMs() + selfHealDelayMs(reverts);
  run.target.healing.set(key, { reverts, notBeforeMs, fights, conflict: conflict || null });
  if (conflict) run.target.conditions.set('Conflict', `${key}: ${conflict}`);
  if (conflict)
    run.cluster.log.warn(
      { target: run.target.uid, object: key, fields: fought },
      'conflict with another writer',
    );
}

function tell(run: Run, key: string, fields: DriftField[], reverted: boolean): void {
  const object = parseIdentityKey(key);
  if (object === null) return;
  const { head } = run;
  const target = run.target.uid;
  void run.cluster.emit({ type: 'Drift', target, assignment: head.assignment, object, fields, reverted });
  run.cluster.log.info({ target, object: key, fields, reverted }, 'drift');
}

/** Only says what drifted: a dry-run tells which fields. */
async function tellDrift(run: Run, due: ObjectRecord[]): Promise<void> {
  for (const record of due) {
    const live = run.target.drifted.get(record.key) ?? null;
    const isNews =
      isDrifted(record) &&
      (live !== null || record.live === 'missing') &&
      run.target.told.get(record.key) !== toldKey(record);
    if (!isNews) continue;
    run.target.told.set(record.key, toldKey(record));
    run.target.drifted.delete(record.key);
    tell(run, record.key, live === null ? [] : await dryRunFields(run, record, live), false);
  }
}

function toldKey(record: ObjectRecord): string {
  return `${record.key} ${record.live} ${record.resourceVersion}`;
}

async function dryRunFields(run: Run, record: ObjectRecord, live: KubeObject): Promise<DriftField[]> {
  const index = await indexInForce(run);
  const planned = index && (await plannedOf(run, index, record));
  const resource =
    planned && (await run.cluster.discovery.find(planned.task.object.apiVersion, planned.task.object.kind));
  if (!planned || !resource) return [];
  const { namespace, name } = planned.task.identity;
  try {
    const options = { ...callOptions(run), dryRun: true };
    const dryRun = await applyObject(
      run.cluster.kube,
      { resource, namespace, name },
      canonicalText(planned.manifest),
      options,
    );
    return driftByDryRun({ dryRun, live }).fields;
  } catch (error) {
    if (isKubeError(error)) return [];
    throw error;
  }
}
