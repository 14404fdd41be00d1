/** One pod writes at a time: who comes after a pod that was killed waits until its Lease has lapsed, unless it is the same pod. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AuditedRequest } from '@flotilla/testkit/audit';
import type { LeasedCluster } from '@flotilla/testkit/cluster';
import { checkInvariants } from '@flotilla/testkit/invariants';
import { faultTimeoutMs } from './src/faultAt.ts';
import { startScene, type Scene } from './src/scene.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await startScene();
});
afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

interface Lease {
  spec: { holderIdentity: string; renewTime: string; leaseDurationSeconds: number; leaseTransitions: number };
}

async function leaseOf(cluster: LeasedCluster): Promise<Lease['spec'] & { lapsesAtMs: number }> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${cluster.agentNamespace}/leases/flotilla-agent`;
  const { spec } = await cluster.api.call<Lease>(path);
  return { ...spec, lapsesAtMs: Date.parse(spec.renewTime) + spec.leaseDurationSeconds * 1000 };
}

/** Kills the agent, starts the next one, and sees a commit through; the writes of the next one. */
async function succeed(pod: string): Promise<AuditedRequest[]> {
  const { fleet, cluster, witness } = scene;
  await fleet.agentOf(cluster).crash();
  const since = await cluster.audit.mark();
  await fleet.startAgent(cluster, undefined, pod);
  const { commit } = await scene.commit();
  await scene.announce();
  await fleet.settled('web', commit);
  const writes = await cluster.requests({
    verb: ['create', 'update', 'patch', 'delete'],
    userAgent: /^flotilla-agent/,
    since,
  });
  await checkInvariants(fleet, witness);
  return writes;
}

describe('lease', () => {
  test(
    'a process that takes the place of a killed one in its pod goes on at once',
    async () => {
      const { cluster } = scene;
      const before = await leaseOf(cluster);
      const [first] = await succeed('');
      expect(first?.resource).toBe('leases');
      expect(Date.parse(first?.at ?? '')).toBeLessThan(before.lapsesAtMs);
      expect((await leaseOf(cluster)).holderIdentity).toBe(before.holderIdentity);
    },
    faultTimeoutMs,
  );

  test(
    'another pod writes nothing before the Lease of the killed one has lapsed',
    async () => {
      const { cluster } = scene;
      const before = await leaseOf(cluster);
      const [first] = await succeed('-other');
      const after = await leaseOf(cluster);
      expect(first?.resource).toBe('leases');
      expect(Date.parse(first?.at ?? '')).toBeGreaterThanOrEqual(before.lapsesAtMs);
      expect(after.holderIdentity).not.toBe(before.holderIdentity);
      expect(after.leaseTransitions).toBeGreaterThan(before.leaseTransitions);
    },
    faultTimeoutMs,
  );
});
