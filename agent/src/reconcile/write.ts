/**
 * Writes one planned object: the single place where an application's manifest goes to the API server. Everything that an
 * object's options ask for (only create, leave others' fields, recreate) is honoured here.
 */
import { canonicalText } from '@flotilla/domain/bundle/canonical';
import { applyIgnoreRules } from '@flotilla/domain/diff/ignore';
import type { KubeObject } from '@flotilla/domain/object/types';
import { applyObject } from '../kube/apply.ts';
import { deleteObject } from '../kube/delete.ts';
import { KubeError, isKubeError } from '../kube/error.ts';
import type { ObjectAddress } from '../kube/get.ts';
import { getObject } from '../kube/get.ts';
import { hasFormerOwner, takeBackOwnership } from '../kube/ownership.ts';
import type { Run } from './context.ts';
import { callOptions, ensureMayWrite } from './context.ts';
import type { PlannedApply } from './plan.ts';
import { beginWrite, endWrite, noteWritten } from './records.ts';
import { recordOf } from './target.ts';

const conflictTriesMax = 4;

/** What the server held before is needed where ignore rules copy from it. */
export async function writeObject(
  run: Run,
  planned: PlannedApply,
  address: ObjectAddress,
): Promise<KubeObject | null> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await writeOnce(run, planned, address);
    } catch (error) {
      if (isImmutable(error) && mayRecreate(run, planned)) await removeForRecreation(run, address);
      else if (!isKubeError(error, 'Conflict') || attempt >= conflictTriesMax) throw error;
    }
  }
}

async function writeOnce(
  run: Run,
  planned: PlannedApply,
  address: ObjectAddress,
): Promise<KubeObject | null> {
  const record = recordOf(run.target, planned.key);
  beginWrite(record);
  try {
    return await send(run, planned, address);
  } finally {
    endWrite(record);
    run.cluster.touch(run.target);
  }
}

async function send(run: Run, planned: PlannedApply, address: ObjectAddress): Promise<KubeObject | null> {
  ensureMayWrite(run);
  const { kube } = run.cluster;
  const options = callOptions(run);
  const mode = planned.task.policy.apply;
  const rules = run.body.ignore;
  const needsLive = rules.length > 0 || mode === 'IfNotPresent';
  const live = needsLive ? await getObject(kube, address, options) : null;
  if (mode === 'IfNotPresent' && live !== null) return null;
  const desired =
    rules.length > 0 ? applyIgnoreRules({ desired: planned.manifest, live, rules }).object : planned.manifest;
  const manifest = canonicalText(desired);
  let answer = await applyObject(kube, address, manifest, { ...options, force: mode !== 'Merge' });
  const { adopt } = run.body.sync;
  if (hasFormerOwner(answer, adopt)) {
    await takeBackOwnership(kube, address, answer, adopt, options);
    answer = await applyObject(kube, address, manifest, options);
  }
  const record = recordOf(run.target, planned.key);
  noteWritten(record, answer, planned.line, planned.shape);
  if (planned.task.tracked) record.desired = planned.line;
  planned.onAnswer?.(answer);
  run.target.objectsDirty = true;
  return answer;
}

const immutableWords =
  /immutable|may not be changed|cannot be changed|forbidden: updates to|is not updatable/i;

export function isImmutable(error: unknown): boolean {
  return isKubeError(error, 'Invalid') && immutableWords.test(error.message);
}

/** Only where it was asked for: recreating loses what the object held. */
function mayRecreate(run: Run, planned: PlannedApply): boolean {
  return planned.task.policy.force || run.body.sync.force;
}

const goneWaitMs = 200;
const goneTries = 150;

async function removeForRecreation(run: Run, address: ObjectAddress): Promise<void> {
  const { kube, clock } = run.cluster;
  const live = await getObject(kube, address, callOptions(run));
  if (live === null) return;
  ensureMayWrite(run);
  await deleteObject(kube, address, String(live.metadata['uid']), 'background', callOptions(run));
  for (let attempt = 0; attempt < goneTries; attempt += 1) {
    const left = await getObject(kube, address, callOptions(run));
    if (left === null || left.metadata['uid'] !== live.metadata['uid']) return;
    await clock.sleep(goneWaitMs, run.signals.preempted);
  }
  throw new KubeError('Unavailable', 'the object to be recreated is still being deleted');
}
