/**
 * The answer to a Hello: refused, standby, or the working session with the next fence. One transaction under the lock of
 * the cluster's row decides, takes the fence, and confirms what the agent last reported where both sides hold the same.
 * Hellos that come within a few milliseconds share it, so that a fleet that comes back at once is let in batch by batch.
 */
import { Injectable } from '@nestjs/common';
import { compareMarks, type AckedMark } from '@flotilla/domain/desired/mark';
import { rootDigest } from '@flotilla/domain/desired/set';
import { observedDigest } from '@flotilla/proto/observedDigest';
import type { Hello } from '@flotilla/proto/messages';
import { Authority } from '../clusters/authority.ts';
import { Batcher } from '../platform/batcher.ts';
import { sha256 } from '../platform/digest.ts';
import { Observations, type ObservationTransaction } from '../platform/observations.ts';
import { ReplicaIdentity } from '../platform/replica.ts';
import type { Admission } from './admit.ts';
import { Alarms } from './alarms.ts';
import { readDesired, readSent, recordAccepted, resetAccepted, type DesiredRows } from './desired.store.ts';
import {
  isLetIn,
  judgeAll,
  refused,
  type Applicant,
  type Desk,
  type Greeting,
  type Met,
  type Verdict,
} from './desk.ts';
import * as store from './hello.store.ts';
import type { Peer } from './peer.ts';
import type { Base } from './plan.ts';
import { judgeMark, notHeardReason, type MarkVerdict } from './recovery.ts';
import type { SessionStart } from './session.ts';
import { endRecovering } from './sessions.store.ts';

const keyLifeMs = 30 * 86_400_000;
/** Of one transaction, which locks the rows of as many clusters. */
const hellosMax = 50;
/** A Hello waits this long for company. */
const gatherMs = 20;

interface WorkingDesk extends Desk {
  displacements: Date[];
}

@Injectable()
export class Greeter {
  private readonly meetings: Batcher<Applicant, Met>;

  constructor(
    private readonly alarms: Alarms,
    private readonly authority: Authority,
    observations: Observations,
    private readonly replica: ReplicaIdentity,
  ) {
    this.meetings = new Batcher({
      itemsMax: hellosMax,
      gatherMs,
      keyOf: ({ peer }) => peer.clusterId,
      run: (applicants) => observations.write((tx) => this.meet(tx, applicants)),
    });
  }

  async greet(peer: Peer, hello: Hello, remote: string): Promise<Greeting> {
    const hubRecovering = await this.alarms.judgeCheckpoint(peer.clusterId, hello.lastCheckpoint);
    const met = await this.meetings.ask({ peer, hello, remote, hubRecovering });
    if (met.outcome === 'duplicate') {
      await this.alarms.quarantine(met.cluster, met.detail);
      return refused('quarantined', met.detail);
    }
    if (met.outcome === 'refused' && met.reason === 'unknown') await this.alarms.unknownCluster(peer, remote);
    return met;
  }

  /** Each applicant is of another cluster. */
  private async meet(tx: ObservationTransaction, applicants: readonly Applicant[]): Promise<Met[]> {
    const verdicts = await judgeAll(tx, applicants);
    const admitted = verdicts.flatMap((verdict) => (verdict.outcome === 'admitted' ? [verdict] : []));
    await store.promoteKeys(
      tx,
      admitted.filter(({ admission }) => isLetIn(admission)).map(({ desk }) => desk.key),
    );
    const working = admitted.flatMap(({ desk, admission }) =>
      admission.verdict === 'working' ? [{ ...desk, displacements: admission.displacements }] : [],
    );
    const welcomed = await this.welcomeWorking(tx, working);
    const met: Met[] = [];
    for (const verdict of verdicts) {
      if (verdict.outcome === 'met') met.push(verdict.met);
      else met.push(welcomed.get(verdict.desk.cluster.id) ?? (await this.settle(tx, verdict)));
    }
    return met;
  }

  /** Of whoever does not become the working session. */
  private async settle(
    tx: ObservationTransaction,
    { desk, admission }: Extract<Verdict, { outcome: 'admitted' }>,
  ): Promise<Met> {
    if (admission.verdict === 'duplicate')
      return { outcome: 'duplicate', detail: admission.detail, cluster: desk.cluster };
    if (admission.verdict === 'refused') return refuse(tx, desk.cluster, admission);
    return this.welcomeStandby(tx, desk);
  }

  private async welcomeStandby(
    tx: ObservationTransaction,
    { hello, cluster, remote }: Desk,
  ): Promise<Greeting> {
    await store.insertStandby(tx, { hello, clusterId: cluster.id, replicaId: this.replica.id, remote });
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

  /** By cluster. */
  private async welcomeWorking(
    tx: ObservationTransaction,
    desks: readonly WorkingDesk[],
  ): Promise<Map<string, Greeting>> {
    if (desks.length === 0) return new Map();
    const ids = desks.map(({ cluster }) => cluster.id);
    const desired = await readDesired(
      tx,
      ids.map((clusterId) => ({ clusterId, headsAbove: Number.MAX_SAFE_INTEGER })),
    );
    const sent = await readSent(tx, ids);
    const states = await store.observedStates(tx, ids);
    const held = desks.map((desk, at) => ({
      desk,
      rows: desired[at],
      observed: observedDigest(states.get(desk.cluster.id) ?? [], sha256),
    }));
    const settled: Settled[] = [];
    for (const { desk, rows, observed } of held) {
      if (!rows) throw new Error('the cluster went away');
      const verdict = await settleMark(tx, desk, sent.get(desk.cluster.id) ?? []);
      const isRecovering = await this.settleRecovery(tx, desk, verdict);
      settled.push({ desk, rows, observed, verdict, isRecovering: desk.hubRecovering || isRecovering });
    }
    const fences = await store.takeFences(
      tx,
      settled.map((one) => this.sessionOf(one)),
    );
    for (const id of ids) for (const kind of ['session', 'status'] as const) tx.hint(kind, id);
    return new Map(settled.map((one) => [one.desk.cluster.id, this.welcome(one, fences)]));
  }

  private sessionOf({ desk, observed }: Settled): store.WorkingSession {
    const { hello, cluster, remote, displacements } = desk;
    const isConfirmed = observed === hello.observedDigest;
    return { hello, clusterId: cluster.id, replicaId: this.replica.id, remote, displacements, isConfirmed };
  }

  private welcome(
    { desk, rows, observed, verdict, isRecovering }: Settled,
    fences: ReadonlyMap<string, bigint>,
  ): Greeting {
    const { hello, cluster, factNumber } = desk;
    const fence = fences.get(cluster.id);
    if (fence === undefined) throw new Error('the cluster went away');
    const common = { ...this.commonWelcome(cluster), fence, standby: false, recovering: isRecovering };
    return {
      outcome: 'welcome',
      welcome: { ...common, factNumber, mark: markOf(rows), observedDigest: observed },
      start: startOf(desk, { fence, isRecovering, base: baseOf(hello, verdict, rows) }),
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
    if (isOver) await endRecovering(tx, cluster.id);
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

/** Before its fence is taken. */
interface Settled {
  desk: WorkingDesk;
  rows: DesiredRows;
  /** Of what the database has. */
  observed: string | null;
  verdict: MarkVerdict;
  isRecovering: boolean;
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
async function settleMark(
  tx: ObservationTransaction,
  { hello, cluster }: Desk,
  sent: readonly AckedMark[],
): Promise<MarkVerdict> {
  const verdict = judgeMark({ mark: hello.mark, accepted: acceptedOf(cluster), sent });
  if (verdict.verdict === 'behind') await resetAccepted(tx, cluster.id, hello.mark);
  if (verdict.verdict === 'acked')
    await recordAccepted(tx, [{ clusterId: cluster.id, fence: cluster.fence, mark: verdict.mark }]);
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
