/**
 * Takes over what one cluster holds as what is assigned there, in one transaction: entries byte for byte, so that the
 * agent sees nothing new and does nothing. Only then its epoch rises. An application that the database lost is left
 * alone on the cluster: its objects stay, and are reported orphaned until somebody makes it again.
 */
import { encodeHead } from '@flotilla/domain/desired/encode';
import { parseHead } from '@flotilla/domain/desired/parse';
import { rootDigest } from '@flotilla/domain/desired/set';
import { sha256, sha256Hex } from '../../platform/digest.ts';
import type { HubTransaction } from '../../platform/transaction.ts';
import { clear } from '../holdings.store.ts';
import { chooseRevision, readEntry, type HeldEntry, type RevisionChoice } from './heldEntry.ts';
import * as store from './recover.store.ts';

export type TakeOver =
  | { outcome: 'taken'; entries: number; changed: number; reassigned: number; lostApplications: string[] }
  /** It connected again meanwhile: its next report counts. */
  | { outcome: 'moved' };

interface Adoption {
  clusterId: string;
  generation: bigint;
  since: Date;
  applications: ReadonlyMap<string, store.ApplicationRow>;
}

export async function takeOver(tx: HubTransaction, cluster: store.RecoveringCluster): Promise<TakeOver> {
  const { entries, bodies } = await store.readHoldings(tx, cluster.id);
  const read = entries.map((entry) => readEntry(entry, bodies));
  const held = read.flatMap((one) => (one.ok ? [one.entry] : []));
  const stored = await store.readTargets(tx, cluster.id);
  const applicationIds = [
    ...held.map(({ body }) => body.application.id),
    ...stored.map((target) => target.applicationId),
  ];
  // Applications before clusters: the order of locks that the rollout worker has.
  const applications = await store.readApplications(tx, [...new Set(applicationIds)], true);
  const reported = await store.lockReported(tx, cluster.id);
  if (reported === null) return tx.nothingChanged({ outcome: 'moved' });
  const generation = reported.generation + 1n;
  const known = held.filter(({ body }) => applications.has(body.application.id));
  const digests = new Map(stored.map(({ id, headDigest }) => [id, headDigest]));
  const adoption = { clusterId: cluster.id, generation, since: cluster.since, applications };
  for (const entry of known) await adopt(tx, entry, adoption);
  const reassigned = isSnapshotLost(cluster, entries)
    ? await raiseAbove(tx, stored, generation)
    : (
        await store.dropNotHeld(
          tx,
          cluster.id,
          known.map(({ head }) => head.target),
        )
      ).length;
  await store.settleApplications(tx, cluster.id, [...applications.keys()], cluster.since);
  const { epoch = 0n, generation: acceptedGeneration = 0n, digest = null } = cluster.report ?? {};
  const accepted = { epoch, generation: acceptedGeneration, digest };
  await store.resumeCluster(tx, cluster.id, { epoch: reported.epoch + 1n, generation, accepted });
  await clear(tx, cluster.id);
  const changed = known.filter(
    ({ head, headBytes }) => digests.get(head.target) !== sha256Hex(headBytes),
  ).length;
  const lostApplications = held
    .filter((entry) => !known.includes(entry))
    .map(({ body }) => body.application.name);
  record(tx, cluster, [...applications.keys()], {
    entries: entries.length,
    changed,
    reassigned,
    lostApplications,
  });
  return { outcome: 'taken', entries: entries.length, changed, reassigned, lostApplications };
}

async function adopt(tx: HubTransaction, entry: HeldEntry, adoption: Adoption): Promise<void> {
  const { head, headBytes, body } = entry;
  const application = adoption.applications.get(body.application.id);
  if (!application) return;
  const { digest: bundle, sizeBytes } = head.bundle;
  const choice = chooseRevision(await store.readRevisions(tx, application.id), {
    number: head.revision,
    bundle,
  });
  const { number } = choice;
  if (choice.choice === 'known' && choice.revision.number !== number) {
    await store.renumberRevision(tx, choice.revision.id, number);
  }
  const { revisionId, variantId } = await revisionFor(tx, choice, {
    applicationId: application.id,
    projectId: application.projectId,
    number,
    bundle,
    sizeBytes,
  });
  const { clusterId, generation, since } = adoption;
  await store.adoptTarget(tx, entry, {
    clusterId,
    generation,
    headDigest: sha256Hex(headBytes),
    revisionId,
    variantId,
    number,
    since,
  });
}

function revisionFor(
  tx: HubTransaction,
  choice: RevisionChoice,
  held: Parameters<typeof store.insertLostRevision>[1],
): Promise<{ revisionId: string; variantId: string }> {
  switch (choice.choice) {
    case 'known':
      return Promise.resolve({ revisionId: choice.revision.id, variantId: choice.variantId });
    case 'lostVariant':
      return store.insertLostVariant(tx, { ...held, revisionId: choice.revision.id });
    case 'lost':
      return store.insertLostRevision(tx, held);
  }
}

/** The cluster lost its snapshot: what the database has stands, under assignments above those that were observed. */
async function raiseAbove(
  tx: HubTransaction,
  stored: readonly store.StoredTarget[],
  generation: bigint,
): Promise<number> {
  let raised = 0;
  for (const { id, assignment, observedAssignment } of stored) {
    const bytes = observedAssignment > assignment ? await store.readHead(tx, id) : null;
    const head = bytes === null ? null : parseHead(bytes);
    if (!head?.ok) continue;
    const next = Number(observedAssignment) + 1;
    const encoded = encodeHead({ ...head.value, assignment: next });
    await store.raiseAssignment(tx, {
      id,
      assignment: next,
      head: encoded,
      headDigest: sha256Hex(encoded),
      generation,
    });
    raised += 1;
  }
  return raised;
}

/** The agent acked something and holds nothing: its snapshot is gone. */
function isSnapshotLost({ report }: store.RecoveringCluster, entries: readonly unknown[]): boolean {
  if (entries.length > 0 || report === null || report.digest === null) return false;
  return report.digest !== rootDigest([], sha256);
}

function record(
  tx: HubTransaction,
  { id, name, projectId }: store.RecoveringCluster,
  applicationIds: readonly string[],
  reason: Record<string, unknown>,
): void {
  tx.audit({ action: 'cluster.recover', resource: { kind: 'cluster', id, name }, projectId, reason });
  for (const kind of ['session', 'cluster', 'status'] as const) tx.hint(kind, id);
  for (const applicationId of applicationIds) tx.hint('application', applicationId);
}
