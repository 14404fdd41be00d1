/** Assignments → entries: head, body, and what a target is assigned. Also bodies that a policy edit changed under a standing assignment. */
import type { Body, Head } from '@flotilla/domain/desired/entry';
import { parseBody, parseHead } from '@flotilla/domain/desired/parse';
import type { Assignment } from '@flotilla/domain/rollout/step';

import type { HubTransaction } from '../platform/transaction.ts';
import {
  bodyOf,
  bodyWithoutAssignment,
  encodedBody,
  encodedHead,
  encodedHeads,
  operationOf,
  type EncodedBody,
} from './entry.ts';
import type { ApplicationRow, RevisionRow } from './fleet.store.ts';
import type { SeenTargetRow } from './seenTargets.store.ts';
import { readBodies, saveBody } from './save.store.ts';
import type { EntryToSave } from './targets.store.ts';

export interface AssignContext {
  application: ApplicationRow;
  revisions: ReadonlyMap<number, RevisionRow>;
}

export interface Assigned {
  entries: EntryToSave[];
  /** To be stored with them; null where nothing is assigned. */
  body: EncodedBody | null;
}

export function entriesOf(
  { application, revisions }: AssignContext,
  assignments: readonly Assignment[],
  operations: Readonly<Record<string, { force: boolean; initiatedBy: string }>>,
): Assigned {
  if (assignments.length === 0) return { entries: [], body: null };
  const body = encodedBody(bodyOf(application));
  const heads = assignments.map((made) => headOf(made, body, operations[made.target]));
  const encoded = encodedHeads(heads);
  const entries = assignments.map((made, at): EntryToSave => ({
    target: made.target,
    clusterId: made.clusterId,
    state: 'Active',
    removal: null,
    assignment: made.assignment,
    ...encoded[at]!,
    bodyDigest: body.digest,
    assigned: assignedOf(made, revisions),
  }));
  return { entries, body };
}

function headOf(
  { target, assignment, revision, bundle, sizeBytes, deletesMax }: Assignment,
  body: EncodedBody,
  options: { force: boolean; initiatedBy: string } | undefined,
): Head {
  return {
    target,
    state: 'Active',
    assignment,
    revision,
    bundle: { digest: bundle, sizeBytes },
    deletesMax,
    operation: operationOf(options),
    body: body.digest,
  };
}

function assignedOf(
  { revision, variant, bundle }: Assignment,
  revisions: ReadonlyMap<number, RevisionRow>,
): EntryToSave['assigned'] {
  const row = revisions.get(revision);
  if (row === undefined) throw new Error(`revision ${revision} was assigned and is not loaded`);
  return { revisionId: row.id, revision, variant, bundle };
}

/** Standing entries whose policy differs from the spec, as far as it may come into force without an assignment. */
export async function refreshBodies(
  tx: HubTransaction,
  application: ApplicationRow,
  targets: readonly SeenTargetRow[],
  assignments: readonly Assignment[],
): Promise<EntryToSave[]> {
  const wanted = bodyOf(application);
  const isAssigned = new Set(assignments.map(({ target }) => target));
  const standing = targets.filter(
    ({ id, state, staleBody, clusterState }) =>
      (state === 'Active' || state === 'Suspended') &&
      clusterState !== 'Paused' &&
      staleBody !== null &&
      !isAssigned.has(id),
  );
  if (standing.length === 0) return [];
  const present = await readBodies(tx, [...new Set(standing.flatMap(({ staleBody }) => staleBody ?? []))]);
  const refreshed = new Map<string, EncodedBody>();
  for (const [digest, bytes] of present) {
    const body = encodedBody(bodyWithoutAssignment(bodyIn(bytes), wanted));
    if (body.digest === digest) continue;
    refreshed.set(digest, body);
    await saveBody(tx, application.id, body);
  }
  return standing.flatMap((target) => {
    const body = refreshed.get(target.staleBody ?? '');
    return body === undefined ? [] : [withBody(target, body.digest)];
  });
}

function bodyIn(bytes: Buffer): Body {
  const parsed = parseBody(bytes);
  if (!parsed.ok) throw new Error(`a stored body is broken: ${parsed.reason}`);
  return parsed.value;
}

function withBody(target: SeenTargetRow, body: string): EntryToSave {
  const parsed = parseHead(target.head ?? Buffer.alloc(0));
  if (!parsed.ok) throw new Error(`the head of target ${target.id} is broken: ${parsed.reason}`);
  return {
    target: target.id,
    clusterId: target.clusterId,
    state: target.state as 'Active',
    removal: null,
    assignment: target.assignment,
    ...encodedHead({ ...parsed.value, body }),
    bodyDigest: body,
    assigned: null,
  };
}
