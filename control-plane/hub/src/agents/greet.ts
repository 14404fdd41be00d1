/**
 * The answer to a Hello: refused, standby, or the working session with the next fence. One transaction under the lock of
 * the cluster's row decides, takes the fence, and confirms what the agent last reported where both sides hold the same.
 */
import { Injectable } from '@nestjs/common';
import { compareMarks, type AckedMark } from '@flotilla/domain/desired/mark';
import { rootDigest } from '@flotilla/domain/desired/set';
import { observedDigest } from '@flotilla/proto/observedDigest';
import type { Hello, RefusedReason, Welcome } from '@flotilla/proto/messages';
import { Authority } from '../clusters/authority.ts';
import { sha256 } from '../platform/digest.ts';
import { Observations, type ObservationTransaction } from '../platform/observations.ts';
import { ReplicaIdentity } from '../platform/replica.ts';
import { admit, refusedRetryMs, type Admission } from './admit.ts';
import { Alarms } from './alarms.ts';
import { readDesired, readSent, recordAccepted, resetAccepted, type DesiredRows } from './desired.store.ts';
import type { Peer } from './peer.ts';
import type { Base } from './plan.ts';
import { judgeMark, notHeardReason, type MarkVerdict } from './recovery.ts';
import type { SessionStart } from './session.ts';
import * as store from './sessions.store.ts';

export type Greeting =
  | { outcome: 'refused'; reason: RefusedReason; retryAfterMs: number; detail: string }
  | { outcome: 'welcome'; welcome: Welcome; start: SessionStart; shouldRotateKey: boolean };

const keyLifeMs = 30 * 86_400_000;

/** What the locked rows say. */
interface Desk {
  peer: Peer;
  hello: Hello;
  remote: string;
  cluster: store.ClusterAtHello;
  key: store.KeyAtHello;
  hubRecovering: boolean;
}

type Met = Greeting | { outcome: 'duplicate'; detail: string; cluster: store.ClusterAtHello };

@Injectable()
export class Greeter {
  constructor(
    private readonly alarms: Alarms,
    private readonly authority: Authority,
    private readonly observations: Observations,
    private readonly replica: ReplicaIdentity,
  ) {}

  async greet(peer: Peer, hello: Hello, remote: string): Promise<Greeting> {
    const hubRecovering = await this.alarms.judgeCheckpoint(peer.clusterId, hello.lastCheckpoint);
    const met = await this.observations.write((tx) => this.meet(tx, { peer, hello, remote, hubRecovering }));
    if (met.outcome === 'duplicate') {
      await this.alarms.quarantine(met.cluster, met.detail);
      return refused('quarantined', met.detail);
    }
    if (met.outcome === 'refused' && met.reason === 'unknown') await this.alarms.unknownCluster(peer, remote);
    return met;
  }

  private async meet(tx: ObservationTransaction, at: Omit<Desk, 'cluster' | 'key'>): Promise<Met> {
    const cluster = await store.lockClusterAtHello(tx, at.peer.clusterId);
    if (!cluster) return refused('unknown', 'this hub does not know the cluster');
    const key = await store.readKey(tx, at.peer.fingerprint);
    if (key?.clusterId !== cluster.id) return refused('revoked', 'the key counts no longer');
    const live = await store.liveSession(tx, cluster.id);
    const admission = admit({ hello: at.hello, cluster, live, now: cluster.now });
    if (admission.verdict === 'duplicate') return { outcome: 'duplicate', detail: admission.detail, cluster };
    if (admission.verdict === 'refused') return refuse(tx, cluster, admission);
    await store.promoteKey(tx, cluster.id, at.peer.fingerprint, key.slot);
    const desk = { ...at, cluster, key };
    return admission.verdict === 'standby'
      ? this.welcomeStandby(tx, desk)
      : this.welcomeWorking(tx, desk, admission);
  }

  private async welcomeStandby(
    tx: ObservationTransaction,
    { hello, cluster, remote }: Desk,
  ): Promise<Greeting> {
    const session = { hello, clusterId: cluster.id, replicaId: this.replica.id, fence: 0n, remote };
    await store.insertSession(tx, session);
    const welcome = { ...this.commonWelcome(cluster), fence: 0n, standby: true, recovering: false };
    const start = {
      id: hello.session,
      clusterId: cluster.id,
      fence: 0n,
      standby: true,
      isRecovering: false,
      base: null,
      helloMark: null,
    };
    return {
      outcome: 'welcome',
      start,
      shouldRotateKey: false,
      welcome: { ...welcome, factNumber: 0n, mark: null, observedDigest: null },
    };
  }

  private async welcomeWorking(
    tx: ObservationTransaction,
    desk: Desk,
    { displacements }: Extract<Admission, { verdict: 'working' }>,
  ): Promise<Greeting> {
    const { hello, cluster, remote } = desk;
    const rows = await readDesired(tx, cluster.id, Number.MAX_SAFE_INTEGER);
    if (!rows) throw new Error('the cluster went away');
    const verdict = await settleMark(tx, desk);
    const isRecovering = await this.settleRecovery(tx, desk, verdict);
    const observed = observedDigest(await store.observedStates(tx, cluster.id), sha256);
    const replicaId = this.replica.id;
    const isConfirmed = observed === hello.observedDigest;
    const fence = await store.takeFence(tx, cluster.id, { replicaId, hello, displacements, isConfirmed });
    await store.insertSession(tx, { hello, clusterId: cluster.id, replicaId, fence, remote });
    for (const kind of ['session', 'status'] as const) tx.hint(kind, cluster.id);
    const recovering = desk.hubRecovering || isRecovering;
    const factNumber = await store.highestFact(tx, cluster.id, hello.incarnation);
    const common = this.commonWelcome(cluster);
    const mark = markOf(rows);
    return {
      outcome: 'welcome',
      welcome: { ...common, fence, standby: false, recovering, factNumber, mark, observedDigest: observed },
      start: startOf(desk, { fence, isRecovering: recovering, base: baseOf(hello, verdict, rows) }),
      shouldRotateKey: isKeyOld(desk),
    };
  }

  /** Whether this cluster is recovering from now on. */
  private async settleRecovery(
    tx: ObservationTransaction,
    { cluster, hubRecovering }: Desk,
    verdict: MarkVerdict,
  ): Promise<boolean> {
    if (verdict.verdict === 'unknown') {
      const isNews = !cluster.recovering || cluster.recoveringReason === notHeardReason;
      if (isNews) await this.alarms.clusterRecovering(tx, cluster, verdict.reason);
      return true;
    }
    // It was only not heard yet, and what it holds is what the database knows.
    const isOver = cluster.recovering && !hubRecovering && cluster.recoveringReason === notHeardReason;
    if (isOver) await store.endRecovering(tx, cluster.id);
    return cluster.recovering && !isOver;
  }

  private commonWelcome(cluster: store.ClusterAtHello) {
    return {
      hubId: this.authority.hubId,
      intervals: { reportDebounceMs: 0, heartbeatMs: 0, fullCheckMs: 0 },
      trustBundleVersion: this.authority.trustBundle.version,
      clock: cluster.now,
    };
  }
}

function startOf(
  { hello, cluster }: Desk,
  more: Pick<SessionStart, 'fence' | 'isRecovering' | 'base'>,
): SessionStart {
  return { id: hello.session, clusterId: cluster.id, standby: false, helloMark: hello.mark, ...more };
}

/** The previous key is a fallback: whoever comes with it has not got over the last rotation yet. */
function isKeyOld({ cluster, key }: Desk): boolean {
  return key.slot !== 'previous' && cluster.now.getTime() - key.createdAt.getTime() > keyLifeMs;
}

function refused(reason: RefusedReason, detail: string): Extract<Greeting, { outcome: 'refused' }> {
  return { outcome: 'refused', reason, retryAfterMs: refusedRetryMs, detail };
}

/** Shown at its cluster: a person has to act, and looks there. */
async function refuse(
  tx: ObservationTransaction,
  cluster: store.ClusterAtHello,
  { reason, retryAfterMs, detail }: Extract<Admission, { verdict: 'refused' }>,
): Promise<Greeting> {
  if (await store.noteRefusal(tx, cluster.id, `its agent is refused: ${detail}`))
    tx.hint('status', cluster.id);
  return { outcome: 'refused', reason, retryAfterMs, detail };
}

/** An ack that was lost on the way is made good; an agent that went back is taken at its word. */
async function settleMark(tx: ObservationTransaction, { hello, cluster }: Desk): Promise<MarkVerdict> {
  const verdict = judgeMark({
    mark: hello.mark,
    accepted: acceptedOf(cluster),
    sent: await readSent(tx, cluster.id),
  });
  if (verdict.verdict === 'behind') await resetAccepted(tx, cluster.id, hello.mark);
  if (verdict.verdict === 'acked') {
    const [row] = await tx.sql<{ fence: bigint }>('SELECT fence FROM clusters WHERE id = $1', [cluster.id]);
    await recordAccepted(tx, cluster.id, row?.fence ?? 0n, verdict.mark);
  }
  return verdict;
}

function acceptedOf(cluster: store.ClusterAtHello): AckedMark | null {
  if (cluster.acceptedDigest === null) return null;
  return {
    epoch: Number(cluster.acceptedEpoch),
    generation: Number(cluster.acceptedGeneration),
    digest: cluster.acceptedDigest,
  };
}

function markOf({ epoch, generation, wanted }: DesiredRows): AckedMark | null {
  return generation === 0 ? null : { epoch, generation, digest: rootDigest(wanted, sha256) };
}

/** What may be built on. A snapshot below the mark is never applied by the agent, so it counts as lost. */
function baseOf({ held, mark }: Hello, { verdict }: MarkVerdict, rows: DesiredRows): Base | null {
  if (held === null || verdict === 'behind' || verdict === 'unknown') return null;
  if (mark !== null && compareMarks(held, mark) < 0) return null;
  const isSame = held.digest === rootDigest(rows.wanted, sha256);
  return { mark: held, entries: isSame ? new Map(rows.wanted.map((entry) => [entry.target, entry])) : null };
}
