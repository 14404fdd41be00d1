/** Field ownership after create, update and the patches that are not apply. */
import type { Schema } from '../schema/schema.ts';
import type { Json, KubeObject, ManagedFieldsEntry } from '../types.ts';
import { emptyOf } from './defaults.ts';
import { difference, intersection, isEmptySet, recursiveDifference, union } from './fieldSet.ts';
import {
  capUpdaters,
  decodeManagers,
  isSameOwnership,
  managerId,
  resetFieldsOf,
  withManagers,
  withoutManagedFields,
  withoutUnowned,
  type Managers,
} from './managers.ts';
import { compareFields } from './ownedFields.ts';
import { isEqual } from './shape.ts';

export interface TrackRequest {
  /** Null for a create. */
  before: KubeObject | null;
  /** With defaults. */
  after: KubeObject;
  manager: string;
  operation: 'Update';
  subresource?: string;
  schema: Schema;
  apiVersion: string;
  nowIso: string;
}

/** `after` with managedFields; they are those of `before`, times included, where nothing else changed. */
export function trackWrite(request: TrackRequest): KubeObject {
  const { before, after, schema } = request;
  const managers = managersBefore(request);
  const next = withoutManagedFields(after);
  // Who never had owners, or gave them up, gets none by an update.
  if (before !== null && managers.size === 0) return next;
  const old = before === null ? emptyObject(after, schema) : withoutManagedFields(before);
  takeOver(managers, old, next, request);
  capUpdaters(managers);
  const beforeEntries = before?.metadata.managedFields;
  if (before !== null && beforeEntries !== undefined && isEqual(old as Json, next as Json)) {
    if (isSameOwnership(managers, decodeManagers(beforeEntries)))
      return { ...next, metadata: { ...next.metadata, managedFields: beforeEntries } };
  }
  return withManagers(next, managers);
}

/** A manager may write managedFields too; through a subresource, or by leaving them out, nobody changes them. */
function managersBefore({ before, after, subresource }: TrackRequest): Managers {
  const own = after.metadata.managedFields;
  const kept = () => decodeManagers(before?.metadata.managedFields);
  if (subresource !== undefined && subresource !== '') return kept();
  if (own !== undefined && isReset(own)) return new Map();
  const sent = decodeManagers(own);
  return sent.size === 0 ? kept() : sent;
}

function isReset(entries: readonly ManagedFieldsEntry[]): boolean {
  if (entries.length === 0) return true;
  return entries.length === 1 && Object.keys(entries[0] ?? {}).length === 0;
}

export function emptyObject({ apiVersion, kind }: KubeObject, schema: Schema): KubeObject {
  const empty = { ...emptyOf(schema), apiVersion, kind };
  return { metadata: {}, ...empty } as KubeObject;
}

type Writer = Pick<TrackRequest, 'manager' | 'subresource' | 'schema' | 'apiVersion' | 'nowIso'>;

/** What was changed belongs to the writer alone; what was removed belongs to nobody. */
export function takeOver(managers: Managers, old: KubeObject, next: KubeObject, writer: Writer): void {
  const reset = resetFieldsOf(writer.schema, writer.subresource);
  const compared = compareFields(old as Json, next as Json, writer.schema);
  const changed = recursiveDifference(union(compared.added, compared.modified), reset);
  const removed = recursiveDifference(compared.removed, reset);
  for (const [id, manager] of managers) {
    const lost = union(intersection(manager.set, changed), removed);
    const set = difference(manager.set, lost);
    if (isEmptySet(set)) managers.delete(id);
    else managers.set(id, { ...manager, set });
  }
  const taken = withoutUnowned(changed);
  if (isEmptySet(taken)) return;
  const { apiVersion, nowIso, subresource = '' } = writer;
  const self = { name: writer.manager, operation: 'Update' as const, apiVersion, subresource };
  const id = managerId(self);
  const set = union(managers.get(id)?.set ?? { members: new Set(), children: new Map() }, taken);
  managers.set(id, { ...self, time: nowIso, set });
}
