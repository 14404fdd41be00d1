/**
 * Renewal: the bound key is signed again. A CSR signed by a bound key is proof enough, since a replay yields a certificate
 * that only that key can use; so renewal has no state, and a crash at any step of it is harmless.
 */
import { Injectable } from '@nestjs/common';
import type { Renewal, RenewRequest } from '@flotilla/proto/enrolment';
import { Database } from '../platform/prisma.ts';
import { Transactions } from '../platform/transaction.ts';
import { outsideTransaction } from './authority.store.ts';
import { Authority } from './authority.ts';
import * as store from './clusters.store.ts';
import { refusal } from './enrol.ts';
import { readCsr } from './x509.ts';

export type SignOutcome = { outcome: 'signed'; chain: string } | { outcome: 'refused' };

@Injectable()
export class Renewer {
  constructor(
    private readonly authority: Authority,
    private readonly database: Database,
    private readonly transactions: Transactions,
  ) {}

  /** Over HTTPS, for a certificate that expired offline. @throws Problem, the same for every reason */
  async renew({ clusterId, csr }: RenewRequest): Promise<Renewal> {
    const signed = await this.signBound(clusterId, csr);
    if (signed.outcome === 'refused') throw refusal();
    return { certificateChain: signed.chain, trustBundle: this.authority.trustBundle };
  }

  /** Signs a key that the cluster is bound to. */
  async signBound(clusterId: string, csr: string | Uint8Array): Promise<SignOutcome> {
    const key = await readCsr(csr);
    if (!key) return { outcome: 'refused' };
    const source = outsideTransaction(this.database);
    const bound = await store.findKey(source, key.fingerprint);
    const cluster = bound?.clusterId === clusterId ? await store.findCluster(source, clusterId) : null;
    if (!cluster || !['Active', 'Paused'].includes(cluster.state)) return { outcome: 'refused' };
    const { chain } = await this.authority.signAgent(clusterId, key.publicKey);
    return { outcome: 'signed', chain };
  }

  /** Binds the key that RotateKey asked for, beside the present one, and signs it. Repeating it is harmless. */
  async signNext(clusterId: string, csr: Uint8Array): Promise<SignOutcome> {
    const key = await readCsr(csr);
    if (!key) return { outcome: 'refused' };
    const known = await store.findKey(outsideTransaction(this.database), key.fingerprint);
    if (known && known.clusterId !== clusterId) return { outcome: 'refused' };
    if (!known) await this.bindNext(clusterId, key);
    return this.signBound(clusterId, csr);
  }

  private async bindNext(clusterId: string, key: { fingerprint: string; publicKey: Buffer }): Promise<void> {
    const actor = { kind: 'agent' as const, id: clusterId, authMethod: 'mtls', ip: null };
    await this.transactions.inTransaction(actor, async (tx) => {
      const cluster = await store.findCluster(tx, clusterId);
      if (!cluster) return tx.nothingChanged(undefined);
      await store.setNextKey(tx, clusterId, key);
      const resource = { kind: 'cluster', id: clusterId, name: cluster.name };
      tx.audit({
        action: 'cluster.rotate-key',
        resource,
        projectId: cluster.projectId,
        reason: { keyFingerprint: key.fingerprint },
      });
    });
  }
}
