/**
 * Whether a Hello becomes the working session of its cluster. Pure. The newest session wins, unless it looks like a clone:
 * another Kubernetes cluster behind the same key at once, or sessions that displace each other without a hand-over of the
 * Lease three times in ten minutes.
 */
import type { Hello, RefusedReason } from '@flotilla/proto/messages';

export interface AdmitInput {
  hello: Pick<Hello, 'standby' | 'instance' | 'clusterUid' | 'leaseUid' | 'leaseTransitions' | 'versions'>;
  cluster: {
    state: string;
    kubeSystemUid: string | null;
    leaseUid: string | null;
    leaseTransitions: bigint;
    displacements: readonly Date[];
  };
  /** The working session that has not ended and was alive lately. */
  live: { instance: string } | null;
  now: Date;
}

export type Admission =
  | { verdict: 'refused'; reason: RefusedReason; retryAfterMs: number; detail: string }
  | { verdict: 'duplicate'; detail: string }
  | { verdict: 'standby' }
  /** `displacements` is what is to be stored. */
  | { verdict: 'working'; displacements: Date[] };

/** Of the protocol: this one and the one before are served. */
export const protocolVersion = 1;
export const displacementsMax = 3;
export const displacementWindowMs = 10 * 60_000;
export const refusedRetryMs = 60_000;

export function admit(input: AdmitInput): Admission {
  const { hello, cluster, now } = input;
  if (cluster.state === 'Quarantined')
    return refused('quarantined', 'the cluster is quarantined: it needs a new key');
  if (cluster.state !== 'Active' && cluster.state !== 'Paused')
    return refused('revoked', 'the cluster is not let in');
  const { protocol } = hello.versions;
  if (protocol > protocolVersion || protocol < protocolVersion - 1 || protocol < 1) {
    const mend = protocol > protocolVersion ? 'upgrade the hub' : 'upgrade the agent';
    return refused('version', `the hub speaks protocol ${protocolVersion}, the agent ${protocol}: ${mend}`);
  }
  if (cluster.kubeSystemUid !== null && cluster.kubeSystemUid !== hello.clusterUid) {
    return {
      verdict: 'duplicate',
      detail: `the same key in another Kubernetes cluster (${hello.clusterUid})`,
    };
  }
  if (hello.standby) return { verdict: 'standby' };
  const recent = cluster.displacements.filter((at) => now.getTime() - at.getTime() < displacementWindowMs);
  if (!displaces(input)) return { verdict: 'working', displacements: recent };
  if (recent.length + 1 >= displacementsMax) {
    return {
      verdict: 'duplicate',
      detail: `displaced ${displacementsMax} times in ten minutes without a hand-over`,
    };
  }
  return { verdict: 'working', displacements: [...recent, now] };
}

/** A reconnect of the same process and a hand-over of the Lease displace nobody. */
function displaces({ hello, cluster, live }: AdmitInput): boolean {
  if (live === null || live.instance === hello.instance) return false;
  const isKnownLease = cluster.leaseUid !== null && cluster.leaseUid === hello.leaseUid;
  return !(isKnownLease && hello.leaseTransitions > cluster.leaseTransitions);
}

function refused(reason: RefusedReason, detail: string): Admission {
  return { verdict: 'refused', reason, retryAfterMs: refusedRetryMs, detail };
}
