/**
 * A cluster whose row was lost with the database, but whose certificate this hub's CA signed: a person lets it in again
 * under the id of its certificate. It is recovering until what it holds is taken over.
 */
import { systemActor, type Transactions } from '../../platform/transaction.ts';
import { insertAdopted, refusedConnection } from './adopt.store.ts';

/** False: no agent with such a certificate was refused as unknown, or the cluster is known by now. */
export async function adopt(transactions: Transactions, clusterId: string): Promise<boolean> {
  return transactions.inTransaction(systemActor, async (tx) => {
    const key = await refusedConnection(tx, clusterId);
    const name = key === null ? null : await insertAdopted(tx, clusterId, key);
    if (name === null) return tx.nothingChanged(false);
    const resource = { kind: 'cluster', id: clusterId, name };
    tx.audit({ action: 'cluster.adopt', resource, reason: { keyFingerprint: key?.fingerprint } });
    return true;
  });
}
