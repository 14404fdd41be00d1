/**
 * Enrolment: a token and a key become a cluster. The agent stored its key before it asked, and until that key has said
 * its first Hello the same token with the same key gets the same cluster again: a crash anywhere burns nothing. Unknown,
 * expired, used-up and revoked tokens and clusters that are not the caller's all get the same refusal.
 */
import { Injectable } from '@nestjs/common';
import type { Enrolment, EnrolRequest, Pending } from '@flotilla/proto/enrolment';
import ipaddr from 'ipaddr.js';
import type { Peer } from '../http/principal.ts';
import { badRequest, Problem } from '../http/problem.ts';
import { Addresses } from '../platform/addresses.ts';
import { parseToken, sameHash } from '../platform/bearerToken.ts';
import { Envelope } from '../platform/envelope.ts';
import { Transactions, type Actor, type HubTransaction } from '../platform/transaction.ts';
import { Authority } from './authority.ts';
import * as store from './clusters.store.ts';
import { consumeToken, readToken, type TokenRow } from './tokens.store.ts';
import { readCsr, type RequestedKey } from './x509.ts';

export type EnrolOutcome =
  { outcome: 'enrolled'; enrolment: Enrolment } | { outcome: 'pending'; pending: Pending };

/** Thrown inside the transaction, so that nothing of a refused enrolment stays. What was wrong is for the audit log alone. */
class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

const approvalRetryAfterSeconds = 10;

@Injectable()
export class Enroller {
  constructor(
    private readonly addresses: Addresses,
    private readonly authority: Authority,
    private readonly envelope: Envelope,
    private readonly transactions: Transactions,
  ) {}

  async enrol(request: EnrolRequest, peer: Peer): Promise<EnrolOutcome> {
    const key = await readCsr(request.csr);
    if (!key) throw badRequest('the csr is not one over a P-256 key, signed by it');
    const token = parseToken('reg', request.token);
    const actor: Actor = {
      kind: 'agent',
      id: token?.id ?? 'unknown',
      authMethod: 'registration-token',
      ip: peer.ip,
    };
    try {
      if (!token) throw new RefusedError('not a registration token');
      const cluster = await this.transactions.inTransaction(
        actor,
        (tx) => this.admit(tx, { token, key, kubeSystemUid: request.clusterUid, peer }),
        peer,
      );
      return await this.answer(cluster, key);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      await this.recordRefusal(actor, peer, error.message);
      throw refusal();
    }
  }

  private async admit(tx: HubTransaction, applicant: Applicant): Promise<store.ClusterRow> {
    const { key, kubeSystemUid } = applicant;
    const token = await this.provenToken(tx, applicant);
    const known = await store.findKey(tx, key.fingerprint);
    if (known) return repeat(tx, { known, token, kubeSystemUid });
    const existing = await existingCluster(tx, token, kubeSystemUid);
    const state = token.requireApproval ? 'Pending' : 'Active';
    const id = existing?.id ?? (await insertNew(tx, token, { state, kubeSystemUid }));
    if (existing) await store.readmitCluster(tx, id, kubeSystemUid, state);
    await store.replaceKeys(tx, id, { ...key, tokenId: token.id });
    const cluster = await requireCluster(tx, id);
    // Last, since everybody who enrols with this token at the same time waits for its row from here to the commit.
    if (!(await consumeToken(tx, token.id))) throw new RefusedError(spentText(token));
    tx.hint('session', id);
    tx.hint('cluster', id);
    tx.audit({
      action: existing ? 'cluster.rekey' : 'cluster.enrol',
      resource: { kind: 'cluster', id, name: cluster.name },
      projectId: cluster.projectId,
      after: {
        name: cluster.name,
        state: cluster.state,
        labels: cluster.labels,
        keyFingerprint: key.fingerprint,
      },
      reason: { registrationToken: token.id },
    });
    return cluster;
  }

  /** The row of the token whose secret was shown. */
  private async provenToken(tx: HubTransaction, { token, peer }: Applicant): Promise<TokenRow> {
    const row = await readToken(tx, token.id);
    // Compared whether there is a row or not, so that time does not tell.
    const isProven = sameHash(this.envelope.tokenHash(token.secret), row?.secretHash ?? Buffer.alloc(32));
    if (!row || !isProven) throw new RefusedError('unknown token or wrong secret');
    if (row.revokedAt !== null) throw new RefusedError('the token is revoked');
    if (!isFrom(peer.ip, row.cidrs)) throw new RefusedError('the token is not for this address');
    return row;
  }

  private async answer(cluster: store.ClusterRow, key: RequestedKey): Promise<EnrolOutcome> {
    if (cluster.state === 'Pending')
      return { outcome: 'pending', pending: { retryAfter: approvalRetryAfterSeconds } };
    const { chain } = await this.authority.signAgent(cluster.id, key.publicKey);
    const enrolment: Enrolment = {
      clusterId: cluster.id,
      hubId: this.authority.hubId,
      certificateChain: chain,
      trustBundle: this.authority.trustBundle,
      grpcUrl: this.addresses.grpcPublicUrl,
    };
    return { outcome: 'enrolled', enrolment };
  }

  private async recordRefusal(actor: Actor, peer: Peer, refused: string): Promise<void> {
    await this.transactions.inTransaction(
      actor,
      async (tx) => {
        const resource = { kind: 'registration-token', id: actor.id, name: actor.id };
        tx.audit({ action: 'cluster.enrol', resource, outcome: 'denied', reason: { refused } });
      },
      peer,
    );
  }
}

interface Applicant {
  token: { id: string; secret: string };
  key: RequestedKey;
  kubeSystemUid: string;
  peer: Peer;
}

/** Every refusal is this one. */
export function refusal(): Problem {
  return new Problem(403, 'refused', 'refused');
}

/** The same token with the same key, before the first Hello. */
async function repeat(
  tx: HubTransaction,
  { known, token, kubeSystemUid }: { known: store.KeyRow; token: TokenRow; kubeSystemUid: string },
): Promise<store.ClusterRow> {
  const cluster = await requireCluster(tx, known.clusterId);
  const isSame =
    known.tokenId === token.id && known.firstHelloAt === null && cluster.kubeSystemUid === kubeSystemUid;
  if (!isSame || cluster.state === 'Revoked' || cluster.state === 'Quarantined')
    throw new RefusedError('the key is bound to a cluster already');
  return tx.nothingChanged(cluster);
}

/** The cluster that this token may bring back; null: it is a new one. */
async function existingCluster(
  tx: HubTransaction,
  token: TokenRow,
  kubeSystemUid: string,
): Promise<store.ClusterRow | null> {
  const byUid = await store.findLiveByUid(tx, kubeSystemUid);
  const byName = token.clusterName === null ? null : await store.findCluster(tx, token.clusterName);
  if (byUid && byUid.id !== byName?.id)
    throw new RefusedError(
      `this Kubernetes cluster is enrolled as ${byUid.name}, which the token does not name`,
    );
  if (byName && byName.projectId !== token.projectId)
    throw new RefusedError('the token names a cluster of another project');
  if (byName) await store.lockCluster(tx, byName.id);
  return byName;
}

async function insertNew(
  tx: HubTransaction,
  token: TokenRow,
  { state, kubeSystemUid }: { state: string; kubeSystemUid: string },
): Promise<string> {
  const base = token.clusterName ?? `cluster-${kubeSystemUid.slice(0, 8)}`;
  for (const name of [base, `cluster-${kubeSystemUid}`]) {
    const { projectId, labels } = token;
    const id = await store.insertCluster(tx, { name, projectId, labels, state, kubeSystemUid });
    if (id !== null) return id;
  }
  throw new RefusedError(`the name ${base} is taken`);
}

function spentText({ expiresAt }: TokenRow): string {
  return expiresAt.getTime() <= Date.now() ? 'the token is expired' : 'the token is used up';
}

async function requireCluster(tx: HubTransaction, id: string): Promise<store.ClusterRow> {
  const cluster = await store.findCluster(tx, id);
  if (!cluster) throw new Error('a key without its cluster');
  return cluster;
}

/** No list: from anywhere. */
function isFrom(ip: string, cidrs: readonly string[]): boolean {
  if (cidrs.length === 0) return true;
  const address = ipaddr.process(ip);
  return cidrs.some((cidr) => {
    const [network, bits] = cidr.includes('/') ? ipaddr.parseCIDR(cidr) : wholeAddress(cidr);
    return network.kind() === address.kind() && address.match(network as never, bits);
  });
}

function wholeAddress(text: string): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  const address = ipaddr.process(text);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}
