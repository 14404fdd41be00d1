/**
 * One object of a bundle by server-side dry-run: what the real pass would send, with the same identity, manager, force and
 * ignore rules, and what the server says would come of it. Whom it belongs to is asked first, as before a real write.
 */
import { canonicalText } from '@flotilla/domain/bundle/canonical';
import { applyIgnoreRules } from '@flotilla/domain/diff/ignore';
import { leafPaths, managedEntries, ownersOfPath } from '@flotilla/domain/diff/managedFields';
import { maskObject } from '@flotilla/domain/diff/mask';
import { keysOfPath } from '@flotilla/domain/diff/places';
import { formatPointer, setAt } from '@flotilla/domain/diff/pointer';
import { digestOfText } from '@flotilla/domain/digest/sha256';
import type { HookPhase } from '@flotilla/domain/object/annotations';
import { groupOf, identityKey } from '@flotilla/domain/object/identity';
import { withTracking } from '@flotilla/domain/object/tracking';
import type { Identity, Json, KubeObject } from '@flotilla/domain/object/types';
import { fieldChanges, refusalText } from '@flotilla/domain/plan/fields';
import type { PlanFailReason, PlannedObject } from '@flotilla/domain/plan/plan';
import type { ApplyTask, HookTask } from '@flotilla/domain/sync/plan';
import { applyObject } from '../kube/apply.ts';
import type { KubeError } from '../kube/error.ts';
import { isKubeError } from '../kube/error.ts';
import type { CallOptions, ObjectAddress } from '../kube/get.ts';
import { getObject } from '../kube/get.ts';
import { isFormer } from '../kube/ownership.ts';
import { sha256 } from '../state/sha256.ts';
import { isBareNamespace } from './apply.ts';
import type { Run } from './context.ts';
import { callOptions } from './context.ts';
import { UnknownKindError } from './failure.ts';
import { ownedByOther } from './owners.ts';
import { isAgentsOwn, shapeOf } from './plan.ts';
import { isImmutable } from './write.ts';

/** What is known of the bundle as a whole. */
export interface DryRunContext {
  run: Run;
  signal: AbortSignal;
  /** Fingerprint of the bundle's line by identity key. */
  lines: ReadonlyMap<string, string>;
  /** `group/kind` that CRDs of the bundle bring. */
  broughtKinds: ReadonlySet<string>;
  /** Namespaces that are not there and would be made. Filled while namespaces are asked about, which come first. */
  newNamespaces: Set<string>;
}

/** Null: nothing would change. */
export async function dryRunApply(context: DryRunContext, task: ApplyTask): Promise<PlannedObject | null> {
  const { run } = context;
  const { identity, policy } = task;
  if (isAgentsOwn(run, identity))
    return failing(identity, 'NotPermitted', 'it would write where the agent lives');
  if (policy.apply === 'Ignore' || isAsWritten(context, identity)) return null;
  const address = await addressOf(context, task);
  if ('unasked' in address)
    return address.unasked === null ? unknownKind(task) : creating(task, address.unasked);
  let live: KubeObject | null = null;
  try {
    live = await getObject(run.cluster.kube, address, optionsOf(context));
    return await ask(context, task, address, live);
  } catch (error) {
    if (!isKubeError(error)) throw error;
    return refused(context, task, error, live !== null);
  }
}

/** As the skip ladder of the real pass: what we wrote from this very line stands, as the watch says. */
function isAsWritten({ run, lines }: DryRunContext, identity: Identity): boolean {
  const key = identityKey(identity);
  const record = run.target.records.get(key);
  if (!record?.written || record.live !== 'unchanged' || record.writing) return false;
  return record.written.object === lines.get(key) && record.written.shape === shapeOf(run);
}

/** `unasked`: why the server cannot be asked yet; null: it does not know the kind, and never will by this bundle. */
async function addressOf(
  { run, broughtKinds, newNamespaces }: DryRunContext,
  { identity, object }: ApplyTask | HookTask,
): Promise<ObjectAddress | { unasked: string | null }> {
  const { apiVersion, kind } = object;
  const resource = await run.cluster.discovery.find(apiVersion, kind);
  if (resource === null) {
    const isBrought = broughtKinds.has(`${groupOf(apiVersion)}/${kind}`);
    return { unasked: isBrought ? `not validated: its kind comes with the same bundle` : null };
  }
  if (newNamespaces.has(identity.namespace))
    return { unasked: `not validated: namespace ${identity.namespace} is made first` };
  return { resource, namespace: identity.namespace, name: identity.name };
}

async function ask(
  context: DryRunContext,
  task: ApplyTask,
  address: ObjectAddress,
  live: KubeObject | null,
): Promise<PlannedObject | null> {
  const { run } = context;
  const mode = task.policy.apply;
  if (live !== null && task.tracked) {
    const other = ownedByOther(run, live);
    if (other !== null)
      return failing(task.identity, 'SharedResource', `it belongs to ${other}; set adopt to take it`);
  }
  if (live !== null && (mode === 'IfNotPresent' || (!task.tracked && isBareNamespace(task)))) return null;
  const manifest = manifestOf(run, task);
  const rules = run.body.ignore;
  const desired = rules.length > 0 ? applyIgnoreRules({ desired: manifest, live, rules }).object : manifest;
  const options = { ...optionsOf(context), dryRun: true, force: mode !== 'Merge' };
  const answer = await applyObject(run.cluster.kube, address, canonicalText(desired), options);
  if (live === null) return creating(task, '');
  const fields = fieldChanges(live, withoutTakenBack(answer, run.body.sync.adopt), sha256);
  if (fields.length === 0) return null;
  return { object: task.identity, action: 'change', fields, omitted: null, recreated: false, note: '' };
}

function manifestOf(run: Run, { object, tracked }: ApplyTask): KubeObject {
  return tracked ? withTracking(object, run.target.tracker, run.body.application.name) : object;
}

function optionsOf({ run, signal }: DryRunContext): CallOptions {
  return { ...callOptions(run), signal };
}

/** What a former owner set and Git does not have goes once its fields are ours, which no dry-run shows. */
function withoutTakenBack(answer: KubeObject, adopt: boolean): KubeObject {
  const entries = managedEntries(answer);
  const former = entries.filter((entry) => isFormer(entry, adopt));
  const others = entries.filter((entry) => !isFormer(entry, adopt));
  const places = former
    .flatMap((entry) => leafPaths(entry.fields))
    .filter((path) => ownersOfPath(others, path).length === 0)
    .map((path) => keysOfPath(answer, path))
    .filter((keys) => keys !== null)
    // Lists from the back, so that indexes stay true.
    .sort((a, b) => formatPointer(b).localeCompare(formatPointer(a), 'en', { numeric: true }));
  return places.reduce<Json>((object, keys) => setAt(object, keys, undefined), answer) as KubeObject;
}

/** A hook that would run in this phase. One that is there is made anew for the real run, so that the dry-run has another name. */
export async function dryRunHook(
  context: DryRunContext,
  phase: HookPhase,
  task: HookTask,
): Promise<PlannedObject> {
  const { run } = context;
  const running = (note: string): PlannedObject => ({ object: task.identity, action: 'run', phase, note });
  if (isAgentsOwn(run, task.identity))
    return failing(task.identity, 'NotPermitted', 'it would write where the agent lives');
  const address = await addressOf(context, task);
  if ('unasked' in address) return address.unasked === null ? unknownKind(task) : running(address.unasked);
  const name = `${address.name.slice(0, 50)}-plan`;
  const object = { ...task.object, metadata: { ...task.object.metadata, name } };
  const manifest = withTracking(object, run.target.tracker, run.body.application.name);
  try {
    const options = { ...optionsOf(context), dryRun: true };
    await applyObject(run.cluster.kube, { ...address, name }, canonicalText(manifest), options);
    return running('');
  } catch (error) {
    if (!isKubeError(error)) throw error;
    return isDryRunRefused(error) ? running(noDryRun) : whatItSays(task, error);
  }
}

const noDryRun = 'not validated: a webhook does not take dry-runs';

function isDryRunRefused(error: KubeError): boolean {
  return isKubeError(error, 'BadRequest', 'Forbidden', 'Invalid') && /dry.?run/i.test(error.message);
}

function refused({ run }: DryRunContext, task: ApplyTask, error: KubeError, isThere: boolean): PlannedObject {
  const { identity: object, policy } = task;
  const unseen = { object, action: 'change' as const, fields: [], omitted: null };
  if (isDryRunRefused(error))
    return isThere ? { ...unseen, recreated: false, note: noDryRun } : creating(task, noDryRun);
  if (!isImmutable(error)) return whatItSays(task, error);
  if (!policy.force && !run.body.sync.force) {
    return failing(
      object,
      'Immutable',
      `${refusalText(object.kind, error.message)}; set force to recreate it`,
    );
  }
  return { ...unseen, recreated: true, note: 'it would be deleted and made again' };
}

/** A refusal is the plan's answer; where nobody answered it is not known. */
function whatItSays({ identity }: ApplyTask | HookTask, error: KubeError): PlannedObject {
  const message = refusalText(identity.kind, error.message);
  const isConflict = isKubeError(error, 'Conflict') && error.reason !== 'FieldManagerConflict';
  if (isKubeError(error, 'Unavailable', 'TooManyRequests', 'Unauthorized', 'Gone') || isConflict)
    return { object: identity, action: 'unknown', message };
  const isLost = isKubeError(error, 'NotFound') && message.startsWith('namespaces ');
  return failing(identity, 'Refused', isLost ? `${message}: set createNamespace, or add it` : message);
}

/** What would be made, as it is sent: a server's defaults differ from one to the next. */
function creating(task: ApplyTask, note: string): PlannedObject {
  const content = digestOfText(sha256, canonicalText(maskObject(task.object)));
  return { object: task.identity, action: 'create', content, note };
}

function unknownKind({ identity, object }: ApplyTask | HookTask): PlannedObject {
  return failing(identity, 'UnknownKind', new UnknownKindError(object.apiVersion, object.kind).message);
}

export function failing(object: Identity, reason: PlanFailReason, message: string): PlannedObject {
  return { object, action: 'fail', reason, message };
}
