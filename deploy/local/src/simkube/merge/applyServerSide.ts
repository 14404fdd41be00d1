/** Server-side apply: merges what a manager wants into what is there, and says who owns which field afterwards. */
import type { Schema } from '../schema/schema.ts';
import type { Json, KubeObject } from '../types.ts';
import { withDefaults } from './defaults.ts';
import {
  difference,
  EMPTY_SET,
  intersection,
  isEmptySet,
  pathsOf,
  pathText,
  recursiveDifference,
  union,
  type FieldSet,
} from './fieldSet.ts';
import { allowedByLastApplied, withLastApplied } from './lastApplied.ts';
import {
  capUpdaters,
  decodeManagers,
  isSameOwnership,
  managerId,
  resetFieldsOf,
  withManagers,
  withoutManagedFields,
  withoutReset,
  withoutUnowned,
  type Manager,
  type Managers,
} from './managers.ts';
import { mergeValues, misfitOf } from './mergeValues.ts';
import { compareFields, fieldsOf, withNamedFields, withoutFields } from './ownedFields.ts';
import { isEqual } from './shape.ts';
import { emptyObject, takeOver } from './trackWrite.ts';

export interface ApplyRequest {
  /** Null where nothing is there yet. */
  live: KubeObject | null;
  /** As the manager sent it, without defaults. */
  applied: KubeObject;
  manager: string;
  force: boolean;
  subresource?: string;
  schema: Schema;
  /** Of the request, for the entry in managedFields. */
  apiVersion: string;
  nowIso: string;
}

export interface Conflict {
  /** As the real API server names it: `"kubectl" using apps/v1`, with its subresource where it has one. */
  manager: string;
  /** `.spec.template.spec.containers[name="web"].image` */
  field: string;
}

export type ApplyOutcome =
  /** With defaults; `live` itself, managedFields and their times included, where nothing changed. */
  | { outcome: 'applied'; object: KubeObject }
  | { outcome: 'conflict'; conflicts: Conflict[] }
  /** What was applied does not fit the schema; the message is that of the real API server's answer (code 500). */
  | { outcome: 'invalid'; message: string };

export function applyServerSide(request: ApplyRequest): ApplyOutcome {
  const { live, applied, schema } = request;
  const misfit = misfitOf(withoutManagedFields(applied) as Json, schema);
  if (misfit !== undefined) return { outcome: 'invalid', message: invalidText(applied, misfit) };
  const managers = decodeManagers(live?.metadata.managedFields);
  const old = live === null ? emptyObject(applied, schema) : withoutManagedFields(live);
  // What was there before anybody owned anything keeps an owner, so that the applier does not remove it.
  if (live !== null && managers.size === 0)
    takeOver(managers, emptyObject(live, schema), old, { ...request, manager: 'before-first-apply' });
  const { merged, self } = mergedFor(request, old, managers);
  const conflicts = conflictsOf(old, merged, managers, request);
  if (conflicts.size > 0 && !mayOverrule(request, old, conflicts))
    return { outcome: 'conflict', conflicts: listed(conflicts, managers) };
  const object = withoutReset(withLastApplied(merged, request), old, schema, request.subresource);
  disown(managers, conflicts, old, object, request);
  const isChanged = !isEqual(old as Json, object as Json);
  managers.set(managerId(self), isChanged ? { ...self, time: request.nowIso } : self);
  capUpdaters(managers);
  return { outcome: 'applied', object: stored(request, old, object, managers) };
}

/** The message of the answer 409. */
export function conflictMessage(conflicts: readonly Conflict[]): string {
  const [only] = conflicts;
  if (only !== undefined && conflicts.length === 1)
    return `Apply failed with 1 conflict: conflict with ${only.manager}: ${only.field}`;
  const byManager = Map.groupBy(conflicts, ({ manager }) => manager);
  const parts = [...byManager].map(
    ([manager, own]) => `conflicts with ${manager}:\n${own.map(({ field }) => `- ${field}`).join('\n')}`,
  );
  return `Apply failed with ${conflicts.length} conflicts: ${parts.join('\n')}`;
}

function invalidText(applied: KubeObject, misfit: string): string {
  const { namespace = '', name = '' } = applied.metadata;
  const version = applied.apiVersion.includes('/') ? applied.apiVersion : `/${applied.apiVersion}`;
  const what = `${namespace}/${name}; ${version}, Kind=${applied.kind}`;
  return `failed to create typed patch object (${what}): ${misfit}`;
}

/** What is there merged with what was applied, without what the manager applied before and nobody wants any more. */
function mergedFor(
  { applied, schema, manager, subresource = '', apiVersion }: ApplyRequest,
  old: KubeObject,
  managers: Managers,
): { merged: KubeObject; self: Manager } {
  const config = withoutManagedFields(applied);
  const merged = mergeValues(old as Json, config as Json, schema) as KubeObject;
  const reset = resetFieldsOf(schema, subresource);
  // The name counts while it is decided what stays, and belongs to nobody afterwards.
  const sent = recursiveDifference(fieldsOf(config as Json, schema), reset);
  const identity = { name: manager, operation: 'Apply' as const, apiVersion, subresource };
  const last = managers.get(managerId(identity));
  const self: Manager = { ...identity, time: last?.time, set: withoutUnowned(sent) };
  const others = [...managers].filter(([id]) => id !== managerId(identity)).map(([, other]) => other.set);
  const owned = others.reduce(union, sent);
  // Nothing is given up, so nothing can go: the usual case of a steady applier.
  if (last === undefined || isEmptySet(difference(last.set, sent))) return { merged, self };
  return { merged: pruned(merged, last.set, owned, schema), self };
}

function pruned(merged: KubeObject, last: FieldSet, owned: FieldSet, schema: Schema): KubeObject {
  const lastNamed = withNamedFields(last, schema);
  const all = withNamedFields(fieldsOf(merged as Json, schema), schema);
  const cut = withoutFields(merged as Json, lastNamed, schema) ?? {};
  const left = withNamedFields(fieldsOf(cut, schema), schema);
  const keep = union(left, withNamedFields(owned, schema));
  const back = withoutFields(merged as Json, difference(all, keep), schema) ?? {};
  const backFields = withNamedFields(fieldsOf(back, schema), schema);
  const gone = intersection(difference(all, backFields), lastNamed);
  return (withoutFields(merged as Json, gone, schema) ?? {}) as KubeObject;
}

type Conflicts = Map<string, FieldSet>;

function conflictsOf(
  old: KubeObject,
  merged: KubeObject,
  managers: Managers,
  { schema, manager, subresource = '', apiVersion }: ApplyRequest,
): Conflicts {
  const selfId = managerId({ name: manager, operation: 'Apply', apiVersion, subresource });
  const compared = compareFields(old as Json, merged as Json, schema);
  const reset = resetFieldsOf(schema, subresource);
  const changed = recursiveDifference(union(compared.modified, compared.added), reset);
  const conflicts: Conflicts = new Map();
  for (const [id, { set }] of managers) {
    const both = id === selfId ? EMPTY_SET : intersection(set, changed);
    if (!isEmptySet(both)) conflicts.set(id, both);
  }
  return conflicts;
}

/** By force; or as kubectl, which may take over what its own client-side apply had written. */
function mayOverrule(
  { force, manager, schema }: ApplyRequest,
  old: KubeObject,
  conflicts: Conflicts,
): boolean {
  if (force) return true;
  if (manager !== 'kubectl') return false;
  const all = [...conflicts.values()].reduce(union, EMPTY_SET);
  return isEmptySet(difference(all, allowedByLastApplied(old, schema)));
}

function listed(conflicts: Conflicts, managers: Managers): Conflict[] {
  const list = [...conflicts].flatMap(([id, set]) =>
    pathsOf(set).map((path) => ({ manager: managerText(managers.get(id)), field: pathText(path) })),
  );
  // Fields of one manager stay in the order of its set.
  return list.sort((a, b) => compareTexts(a.manager, b.manager));
}

function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function managerText(manager: Manager | undefined): string {
  if (manager === undefined) return '""';
  const { name, operation, apiVersion, subresource } = manager;
  const where = subresource === '' ? '' : ` with subresource ${JSON.stringify(subresource)}`;
  const version = operation === 'Update' ? ` using ${apiVersion}` : '';
  return `${JSON.stringify(name)}${where}${version}`;
}

/** Takes what was overruled and what was removed from all others. */
function disown(
  managers: Managers,
  conflicts: Conflicts,
  old: KubeObject,
  object: KubeObject,
  { schema, subresource }: ApplyRequest,
): void {
  const { removed } = compareFields(old as Json, object as Json, schema);
  const gone = recursiveDifference(removed, resetFieldsOf(schema, subresource));
  for (const [id, manager] of managers) {
    const set = difference(difference(manager.set, conflicts.get(id) ?? EMPTY_SET), gone);
    if (isEmptySet(set)) managers.delete(id);
    else managers.set(id, { ...manager, set });
  }
}

function stored(request: ApplyRequest, old: KubeObject, object: KubeObject, managers: Managers): KubeObject {
  const { live, schema } = request;
  const filled = withDefaults(object, schema);
  const isSame = live !== null && isEqual(filled as Json, old as Json);
  if (isSame && isSameOwnership(managers, decodeManagers(live.metadata.managedFields))) return live;
  return withManagers(filled, managers);
}
