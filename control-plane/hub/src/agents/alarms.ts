/** What must not pass unseen: clones, unknown clusters, and a database that went back in time. Each is recorded, each holds what could do harm. */
import { Injectable } from '@nestjs/common';
import type { Checkpoint } from '@flotilla/proto/messages';
import { hasCheckpoint } from '../audit/audit.store.ts';
import { isSignedByHub } from '../audit/checkpoint.ts';
import { outsideTransaction, readHub, setHubRecovering } from '../clusters/authority.store.ts';
import { Authority } from '../clusters/authority.ts';
import { Batcher } from '../platform/batcher.ts';
import { Envelope } from '../platform/envelope.ts';
import { Loggers, type Logger } from '../platform/logger.ts';
import type { ObservationTransaction } from '../platform/observations.ts';
import { Database } from '../platform/prisma.ts';
import { systemActor, Transactions } from '../platform/transaction.ts';
import type { Peer } from './peer.ts';
import type { ClusterAtHello } from './hello.store.ts';
import * as store from './sessions.store.ts';

type Named = Pick<ClusterAtHello, 'id' | 'name' | 'projectId'>;

/** What a Hello shows. */
interface Shown {
  clusterId: string;
  checkpoint: Checkpoint | null;
}

const unknownAgainMs = 3_600_000;
const shownMax = 1000;

@Injectable()
export class Alarms {
  private readonly logger: Logger;
  private readonly judgements: Batcher<Shown, boolean>;
  private readonly unknownSeen = new Map<string, number>();

  constructor(
    private readonly authority: Authority,
    private readonly database: Database,
    private readonly envelope: Envelope,
    private readonly transactions: Transactions,
    loggers: Loggers,
  ) {
    this.logger = loggers.for('agents');
    this.judgements = new Batcher({ itemsMax: shownMax, run: (shown) => this.judgeAll(shown) });
  }

  /** Whether the hub is recovering. A checkpoint that this hub signed and does not have makes it so. */
  judgeCheckpoint(clusterId: string, checkpoint: Checkpoint | null): Promise<boolean> {
    return this.judgements.ask({ clusterId, checkpoint });
  }

  /** Agents hold the same few checkpoints: each is looked for once. */
  private async judgeAll(shown: readonly Shown[]): Promise<boolean[]> {
    const distinct = new Map(shown.map((one) => [textOf(one.checkpoint), one]));
    for (const { clusterId, checkpoint } of distinct.values()) {
      if (checkpoint !== null && (await this.isLacking(checkpoint)))
        await this.hubRecovering(clusterId, checkpoint);
    }
    const hub = await readHub(outsideTransaction(this.database));
    return shown.map(() => hub?.recovering ?? false);
  }

  /** The rows of a Hello are in `tx`; the event has a transaction of its own, after it. */
  async clusterRecovering(tx: ObservationTransaction, cluster: Named, reason: string): Promise<void> {
    await store.setClusterRecovering(tx, cluster.id, reason);
    this.logger.warn({ cluster: cluster.name, reason }, 'cluster is recovering');
    this.recordLater({ action: 'cluster.recovering', cluster, reason });
  }

  async quarantine(cluster: Named, detail: string): Promise<void> {
    const reason = `duplicate agent: ${detail}`;
    this.logger.warn({ cluster: cluster.name, reason }, 'cluster quarantined');
    await this.transactions.inTransaction(systemActor, async (tx) => {
      await store.quarantine(tx, cluster.id, reason);
      for (const kind of ['session', 'cluster', 'status'] as const) tx.hint(kind, cluster.id);
      const resource = { kind: 'cluster', id: cluster.id, name: cluster.name };
      tx.audit({ action: 'cluster.quarantine', resource, projectId: cluster.projectId, reason: { reason } });
    });
  }

  /** A valid certificate for a cluster that has no row: adopted only by a person. Recorded once an hour. */
  async unknownCluster(peer: Peer, remote: string): Promise<void> {
    const now = Date.now();
    if (now - (this.unknownSeen.get(peer.clusterId) ?? 0) < unknownAgainMs) return;
    if (this.unknownSeen.size > 10_000) this.unknownSeen.clear();
    this.unknownSeen.set(peer.clusterId, now);
    this.logger.warn({ clusterId: peer.clusterId, remote }, 'valid certificate of an unknown cluster');
    const actor = { kind: 'agent' as const, id: peer.clusterId, authMethod: 'mtls', ip: hostOf(remote) };
    await this.transactions.inTransaction(actor, async (tx) => {
      const resource = { kind: 'cluster', id: peer.clusterId, name: peer.clusterId };
      const reason = { keyFingerprint: peer.fingerprint, publicKey: peer.publicKey.toString('base64') };
      tx.audit({ action: 'cluster.connect', resource, outcome: 'denied', reason });
    });
  }

  private async isLacking({ seq, hash, at, signature }: Checkpoint): Promise<boolean> {
    if (!isSignedByHub(this.envelope, this.authority.hubId, { seq, hash, at, signature })) return false;
    const hub = await readHub(outsideTransaction(this.database));
    // What was lost before the last recovery is known to be lost.
    if (hub?.recoveredAt && at <= hub.recoveredAt) return false;
    return !(await hasCheckpoint(this.database, seq, hash));
  }

  private async hubRecovering(clusterId: string, { seq }: Checkpoint): Promise<void> {
    const reason = `cluster ${clusterId} has checkpoint ${seq} of this hub, which the database lacks: it was restored from a backup`;
    if (!(await setHubRecovering(this.database, reason))) return;
    this.logger.error({ reason }, 'hub is recovering');
    await this.transactions.inTransaction(systemActor, async (tx) => {
      const { hubId } = this.authority;
      tx.audit({
        action: 'hub.recovering',
        resource: { kind: 'hub', id: hubId, name: hubId },
        reason: { reason },
      });
    });
  }

  private recordLater({ action, cluster, reason }: { action: string; cluster: Named; reason: string }): void {
    const recorded = this.transactions.inTransaction(systemActor, async (tx) => {
      const resource = { kind: 'cluster', id: cluster.id, name: cluster.name };
      tx.audit({ action, resource, projectId: cluster.projectId, reason: { reason } });
    });
    recorded.catch((error: unknown) => this.logger.error({ err: error, action }, 'event not recorded'));
  }
}

function textOf(checkpoint: Checkpoint | null): string {
  if (checkpoint === null) return '';
  const { seq, hash, at, signature } = checkpoint;
  return [seq, hash, at.getTime(), Buffer.from(signature).toString('base64')].join('/');
}

function hostOf(remote: string): string {
  return remote.slice(0, remote.lastIndexOf(':')).replace(/^\[|\]$/g, '');
}
