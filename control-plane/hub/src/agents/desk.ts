/** Who says a Hello, and what the rows say of them: read under the lock of their clusters, decided before anything is written. */
import type { Hello, RefusedReason, Welcome } from '@flotilla/proto/messages';
import type { Sql } from '../platform/transaction.ts';
import { admit, refusedRetryMs, type Admission } from './admit.ts';
import * as store from './hello.store.ts';
import type { Peer } from './peer.ts';
import type { SessionStart } from './session.ts';

export type Greeting =
  | { outcome: 'refused'; reason: RefusedReason; retryAfterMs: number; detail: string }
  | { outcome: 'welcome'; welcome: Welcome; start: SessionStart; shouldRotateKey: boolean };

export interface Applicant {
  peer: Peer;
  hello: Hello;
  remote: string;
  hubRecovering: boolean;
}

/** What the locked rows say of an applicant that a cluster and a key were found for. */
export interface Desk extends Applicant {
  cluster: store.ClusterAtHello;
  key: store.KeyAtHello;
  factNumber: bigint;
}

export type Met = Greeting | { outcome: 'duplicate'; detail: string; cluster: store.ClusterAtHello };
export type Verdict =
  { outcome: 'met'; met: Met } | { outcome: 'admitted'; desk: Desk; admission: Admission };

/** lock → read → admit: writes nothing. In the order given. */
export async function judgeAll(tx: Sql, applicants: readonly Applicant[]): Promise<Verdict[]> {
  const clusters = await store.lockClustersAtHello(
    tx,
    applicants.map(({ peer }) => peer.clusterId),
  );
  const papers = await store.readPapers(
    tx,
    applicants.map(({ peer, hello }) => ({ ...peer, incarnation: hello.incarnation })),
  );
  return applicants.map((applicant, at) => judge(applicant, clusters, papers[at]));
}

function judge(
  applicant: Applicant,
  clusters: ReadonlyMap<string, store.ClusterAtHello>,
  papers: store.Papers | undefined,
): Verdict {
  const { peer, hello } = applicant;
  const cluster = clusters.get(peer.clusterId);
  if (!cluster || !papers)
    return { outcome: 'met', met: refused('unknown', 'this hub does not know the cluster') };
  const { key, live, factNumber } = papers;
  if (key?.clusterId !== cluster.id)
    return { outcome: 'met', met: refused('revoked', 'the key counts no longer') };
  const admission = admit({ hello, cluster, live, now: cluster.now });
  return { outcome: 'admitted', desk: { ...applicant, cluster, key, factNumber }, admission };
}

export function isLetIn({ verdict }: Admission): boolean {
  return verdict === 'standby' || verdict === 'working';
}

export function refused(reason: RefusedReason, detail: string): Extract<Greeting, { outcome: 'refused' }> {
  return { outcome: 'refused', reason, retryAfterMs: refusedRetryMs, detail };
}
