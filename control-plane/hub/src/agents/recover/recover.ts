/**
 * `hub recover`: after a restored backup, lists what clusters hold that the database does not; with `--apply` takes it
 * over, cluster by cluster. Who was not heard stays recovering and is taken over by a later run. Run it beside serving
 * hubs: it asks agents for lost bundles through them.
 */
import { readEntry } from './heldEntry.ts';
import { DataKeys } from '../../platform/dataKeys.ts';
import type { Envelope } from '../../platform/envelope.ts';
import type { Hints } from '../../platform/hints.ts';
import type { Database } from '../../platform/prisma.ts';
import { systemActor, type Sql, type Transactions } from '../../platform/transaction.ts';
import { notHeardReason } from '../recovery.ts';
import { fetchHeld } from './fetchHeld.ts';
import * as store from './recover.store.ts';
import { surveyOf, type Survey } from './survey.ts';
import { takeOver, type TakeOver } from './takeOver.ts';

export interface RecoverContext {
  database: Database;
  envelope: Envelope;
  hints: Hints;
  transactions: Transactions;
  /** How long an agent may take to send a bundle back. */
  bundleWithinMs: number;
}

export interface RecoveredCluster extends Survey {
  /** Null: only listed. */
  taken: TakeOver | { outcome: 'notHeard' } | null;
  missingBundles: { digest: string; reason: string }[];
}

export async function recover(context: RecoverContext, apply: boolean): Promise<RecoveredCluster[]> {
  const source: Sql = { sql: (text, params) => context.database.query(text, params) };
  const results: RecoveredCluster[] = [];
  for (const cluster of await store.recoveringClusters(source)) {
    const survey = await surveyOf(source, cluster);
    if (!apply) results.push({ ...survey, taken: null, missingBundles: [] });
    else if (!survey.heard) results.push({ ...survey, taken: { outcome: 'notHeard' }, missingBundles: [] });
    else results.push({ ...survey, ...(await takeBack(context, source, cluster)) });
  }
  if (apply) await resumeHub(context, results);
  return results;
}

async function takeBack(
  context: RecoverContext,
  source: Sql,
  cluster: store.RecoveringCluster,
): Promise<Pick<RecoveredCluster, 'taken' | 'missingBundles'>> {
  const missingBundles = await fetchMissing(context, source, cluster);
  const taken = await context.transactions.inTransaction(systemActor, (tx) => takeOver(tx, cluster));
  return { taken, missingBundles };
}

/** Bundles of entries whose application is known, from the cluster that holds them. */
async function fetchMissing(
  context: RecoverContext,
  source: Sql,
  cluster: store.RecoveringCluster,
): Promise<RecoveredCluster['missingBundles']> {
  const { entries, bodies, indexes } = await store.readHoldings(source, cluster.id);
  const held = entries.map((entry) => readEntry(entry, bodies)).flatMap((one) => (one.ok ? [one.entry] : []));
  const applications = await store.readApplications(
    source,
    held.map(({ body }) => body.application.id),
    false,
  );
  const wanted = held.flatMap(({ head, body }) => {
    const application = applications.get(body.application.id);
    return application ? [{ projectId: application.projectId, digest: head.bundle.digest }] : [];
  });
  const missing: RecoveredCluster['missingBundles'] = [];
  const dataKeys = new DataKeys(context.database, context.envelope);
  for (const { projectId, digest } of await store.missingBundles(source, wanted)) {
    const fetching = { ...context, dataKeys, withinMs: context.bundleWithinMs };
    const result = await fetchHeld(fetching, {
      clusterId: cluster.id,
      projectId,
      digest,
      index: indexes.get(digest),
    });
    if (result.outcome === 'missing') missing.push({ digest, reason: result.reason });
  }
  return missing;
}

async function resumeHub(
  { transactions, hints }: RecoverContext,
  results: readonly RecoveredCluster[],
): Promise<void> {
  const taken = results
    .filter((result) => result.taken?.outcome === 'taken')
    .map(({ clusterId }) => clusterId);
  await transactions.inTransaction(systemActor, async (tx) => {
    if (!(await store.resumeHub(tx, taken, notHeardReason))) return tx.nothingChanged(undefined);
    tx.audit({
      action: 'hub.recover',
      resource: { kind: 'hub', id: 'hub', name: 'hub' },
      reason: { taken: taken.length },
    });
  });
  hints.send(
    'session',
    results.map(({ clusterId }) => clusterId),
  );
}
