/** The control stream over real mTLS, against an agent written by hand. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Clusters } from '../clusters/clusters.ts';
import { Hints } from '../platform/hints.ts';
import { Transactions } from '../platform/transaction.ts';
import {
  acceptNext,
  ack,
  admin,
  assign,
  enrolMember,
  helloOf,
  insertApplication,
  startTestHub,
  TestStream,
  type Member,
  type TestHub,
} from './agents.fixture.ts';
import { adopt } from './recover/adopt.ts';

let hub: TestHub;
let applicationId: string;

beforeAll(async () => {
  hub = await startTestHub();
  applicationId = await insertApplication(hub);
});
afterAll(() => hub?.[Symbol.asyncDispose]());

async function clusterRow(member: Member): Promise<Record<string, unknown>> {
  const [row] = await hub.database.query<Record<string, unknown>>('SELECT * FROM clusters WHERE id = $1', [
    member.enrolment.clusterId,
  ]);
  return row ?? {};
}

async function eventually(what: string, check: () => Promise<boolean>, withinMs = 10_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await check())) {
    if (performance.now() > deadline) throw new Error(`${what} did not happen`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** An agent that accepted one entry. */
async function upToDate() {
  const member = await enrolMember(hub);
  const { clusterId } = member.enrolment;
  await assign(hub, { applicationId, clusterId, assignment: 1 });
  const hello = helloOf(member);
  const stream = new TestStream(hub, member, hello);
  await stream.expect('Welcome');
  const { set } = await acceptNext(stream, null);
  ack(stream, set);
  await eventually(
    'the ack is stored',
    async () => (await clusterRow(member))['accepted_digest'] === set.mark.digest,
  );
  return { member, clusterId, stream, set, hello };
}

describe('desired state', () => {
  test('an agent without anything gets the complete set, and its ack is stored', async () => {
    const { stream, set, member } = await upToDate();
    expect(set.entries.size).toBe(1);
    expect(set.mark.generation).toBe(1);
    const row = await clusterRow(member);
    expect([row['accepted_epoch'], row['accepted_generation']]).toEqual([1n, 1n]);
    stream.close();
  });

  test('a change is sent as a delta at once by a hint, with only the changed entry and no body it has', async () => {
    const { stream, set, clusterId } = await upToDate();
    const other = await insertApplication(hub);
    await assign(hub, { applicationId: other, clusterId, assignment: 1 });
    hub.app.get(Hints).send('cluster', [clusterId]);
    const first = await acceptNext(stream, set);
    expect(first.part).toMatchObject({ complete: false, baseGeneration: 1, generation: 2 });
    expect([first.part.upserts.length, first.part.bodies.length]).toEqual([1, 1]);
    ack(stream, first.set);
    await assign(hub, { applicationId, clusterId, assignment: 2 });
    hub.app.get(Hints).send('cluster', [clusterId]);
    const second = await acceptNext(stream, first.set);
    expect([second.part.upserts.length, second.part.bodies.length]).toEqual([1, 0]);
    expect(second.set.entries.size).toBe(2);
    stream.close();
  });

  test('a lost hint is repaired by the scan', async () => {
    const { stream, set, clusterId } = await upToDate();
    await assign(hub, { applicationId, clusterId, assignment: 2 });
    const next = await acceptNext(stream, set);
    expect(next.set.mark.generation).toBe(2);
    stream.close();
  });

  test('a generation that was superseded before it was sent is never sent, and one message is in flight at a time', async () => {
    const { stream, set, clusterId } = await upToDate();
    await assign(hub, { applicationId, clusterId, assignment: 2 });
    hub.app.get(Hints).send('cluster', [clusterId]);
    const second = await acceptNext(stream, set);
    for (const assignment of [3, 4, 5]) await assign(hub, { applicationId, clusterId, assignment });
    hub.app.get(Hints).send('cluster', [clusterId]);
    expect(await stream.next(1500)).toBeNull();
    ack(stream, second.set);
    const last = await acceptNext(stream, second.set);
    expect(last.set.mark.generation).toBe(5);
    stream.close();
  });

  test('a reconnect that holds the latest is sent nothing, and its states are confirmed by that', async () => {
    const { stream, set, member, hello } = await upToDate();
    stream.close();
    const again = new TestStream(
      hub,
      member,
      helloOf(member, { instance: hello.instance, mark: set.mark, held: set.mark }),
    );
    const welcome = await again.expect('Welcome');
    expect(welcome.mark).toEqual(set.mark);
    expect(await again.next(1500)).toBeNull();
    const row = await clusterRow(member);
    expect(row['confirmed_fence']).toBe(row['fence']);
    again.close();
  });

  test('a reconnect that is behind gets a delta on what it holds', async () => {
    const { stream, set, member, hello, clusterId } = await upToDate();
    stream.close();
    const other = await insertApplication(hub);
    await assign(hub, { applicationId: other, clusterId, assignment: 1 });
    const again = new TestStream(
      hub,
      member,
      helloOf(member, { instance: hello.instance, mark: set.mark, held: set.mark }),
    );
    await again.expect('Welcome');
    const { part } = await acceptNext(again, set);
    expect(part).toMatchObject({ complete: false, baseGeneration: 1 });
    expect(part.upserts).toHaveLength(1);
    again.close();
  });

  test('a lost snapshot is answered by the complete set of exactly the mark', async () => {
    const { stream, set, member, hello } = await upToDate();
    stream.close();
    const again = new TestStream(
      hub,
      member,
      helloOf(member, { instance: hello.instance, mark: set.mark, held: null }),
    );
    await again.expect('Welcome');
    const part = await again.expect('Desired');
    expect(part).toMatchObject({ complete: true, generation: set.mark.generation, digest: set.mark.digest });
    again.close();
  });

  test('what was removed is dropped by name, and only while the agent is known to hold it', async () => {
    const { stream, set, clusterId } = await upToDate();
    const other = await insertApplication(hub);
    const gone = await assign(hub, { applicationId: other, clusterId, assignment: 1 });
    hub.app.get(Hints).send('cluster', [clusterId]);
    const two = await acceptNext(stream, set);
    ack(stream, two.set);
    await hub.database.query(
      `WITH gone AS (DELETE FROM targets WHERE id = $1 RETURNING cluster_id)
       UPDATE clusters SET generation = generation + 1 FROM gone WHERE id = gone.cluster_id`,
      [gone],
    );
    hub.app.get(Hints).send('cluster', [clusterId]);
    const part = await stream.expect('Desired');
    expect(part).toMatchObject({ removals: [gone], upserts: [], digest: set.mark.digest });
    stream.close();
  });

  test('a nacked set is shown, and a newer one is sent at once, complete', async () => {
    const { stream, member, clusterId } = await upToDate();
    await assign(hub, { applicationId, clusterId, assignment: 2 });
    hub.app.get(Hints).send('cluster', [clusterId]);
    const part = await stream.expect('Desired');
    stream.send({
      type: 'DesiredNack',
      epoch: part.epoch,
      generation: part.generation,
      reason: 'disk',
      detail: 'full',
    });
    await eventually(
      'the nack is shown',
      async () => (await clusterRow(member))['nack_reason'] === 'disk: full',
    );
    expect(await stream.next(1000)).toBeNull();
    await assign(hub, { applicationId, clusterId, assignment: 3 });
    hub.app.get(Hints).send('cluster', [clusterId]);
    const next = await acceptNext(stream, null);
    expect(next.part).toMatchObject({ complete: true, generation: 3 });
    ack(stream, next.set);
    await eventually('the nack is over', async () => (await clusterRow(member))['nack_reason'] === null);
    stream.close();
  });

  test('a paused cluster is sent nothing until it is resumed', async () => {
    const { stream, set, clusterId } = await upToDate();
    await hub.app.get(Clusters).pause(admin, clusterId, { reason: 'maintenance' }, null);
    await assign(hub, { applicationId, clusterId, assignment: 2 });
    hub.app.get(Hints).send('cluster', [clusterId]);
    expect(await stream.next(1500)).toBeNull();
    await hub.app.get(Clusters).resume(admin, clusterId, null);
    expect((await acceptNext(stream, set)).set.mark.generation).toBe(2);
    stream.close();
  });
});

describe('sessions', () => {
  test('the newest session wins with a higher fence, and the one before is told so', async () => {
    const member = await enrolMember(hub);
    const hello = helloOf(member);
    const first = new TestStream(hub, member, hello);
    const one = await first.expect('Welcome');
    const second = new TestStream(hub, member, helloOf(member, { instance: hello.instance }));
    const two = await second.expect('Welcome');
    expect(two.fence).toBe(one.fence + 1n);
    expect(await first.expect('Refused')).toMatchObject({ reason: 'displaced' });
    expect(await first.end(5000)).toBe(true);
    second.close();
  });

  test('a standby gets a welcome and nothing else, takes no fence and displaces nobody', async () => {
    const { stream, member, clusterId, set } = await upToDate();
    const before = (await clusterRow(member))['fence'];
    const standby = new TestStream(hub, member, helloOf(member, { standby: true }));
    expect(await standby.expect('Welcome')).toMatchObject({ standby: true, fence: 0n });
    await assign(hub, { applicationId, clusterId, assignment: 2 });
    hub.app.get(Hints).send('cluster', [clusterId]);
    await acceptNext(stream, set);
    expect(await standby.next(500)).toBeNull();
    expect((await clusterRow(member))['fence']).toBe(before);
    stream.close();
    standby.close();
  });

  test('three displacements without a hand-over of the lease quarantine the key and cut the streams', async () => {
    const member = await enrolMember(hub);
    const streams: TestStream[] = [];
    for (let at = 0; at < 3; at++) {
      const stream = new TestStream(
        hub,
        member,
        helloOf(member, { leaseUid: 'b'.repeat(8) + '-0000-4000-8000-000000000000' }),
      );
      await stream.expect('Welcome');
      streams.push(stream);
    }
    const fourth = new TestStream(hub, member, helloOf(member));
    expect(await fourth.expect('Refused')).toMatchObject({ reason: 'quarantined' });
    expect(await clusterRow(member)).toMatchObject({ state: 'Quarantined' });
    expect(await streams[2]!.end(5000)).toBe(true);
    for (const stream of [...streams, fourth]) stream.close();
  });

  test('hand-overs of the known lease displace nobody', async () => {
    const member = await enrolMember(hub);
    const leaseUid = randomUUID();
    for (let at = 1; at <= 5; at++) {
      const stream = new TestStream(hub, member, helloOf(member, { leaseUid, leaseTransitions: BigInt(at) }));
      expect((await stream.expect('Welcome')).fence).toBe(BigInt(at));
    }
  });

  test('the same key in another Kubernetes cluster is quarantined at once', async () => {
    const { stream, member } = await upToDate();
    const clone = new TestStream(hub, member, helloOf(member, { clusterUid: randomUUID() }));
    expect(await clone.expect('Refused')).toMatchObject({ reason: 'quarantined' });
    expect(await stream.end(5000)).toBe(true);
    clone.close();
    stream.close();
  });

  test('an agent of a wrong protocol version is refused with the versions', async () => {
    const member = await enrolMember(hub);
    const versions = { agent: '9.0.0', protocol: 9, kubernetes: '' };
    const stream = new TestStream(hub, member, helloOf(member, { versions }));
    const refused = await stream.expect('Refused');
    expect(refused.reason).toBe('version');
    expect(refused.detail).toContain('9');
    stream.close();
  });

  test('revocation cuts the stream within 5 s, and the certificate opens no other', async () => {
    const { stream, member, clusterId } = await upToDate();
    const began = performance.now();
    await hub.app.get(Clusters).revoke(admin, clusterId, 'gone', null);
    expect(await stream.expect('Refused')).toMatchObject({ reason: 'revoked' });
    expect(await stream.end(5000)).toBe(true);
    expect(performance.now() - began).toBeLessThan(5000);
    const again = new TestStream(hub, member, helloOf(member));
    expect(await again.expect('Refused')).toMatchObject({ reason: 'revoked' });
    again.close();
    stream.close();
  });

  test('the stream renews the bound key, and a rotated key becomes the current one with its first hello', async () => {
    const { stream, member } = await upToDate();
    const { newAgentKey } = await import('./agents.fixture.ts');
    stream.send({ type: 'Renew', csr: derOf(member.key.csr), slot: 'current' });
    expect((await stream.expect('Certificate')).slot).toBe('current');
    const next = await newAgentKey();
    stream.send({ type: 'Renew', csr: derOf(next.csr), slot: 'next' });
    const { chain } = await stream.expect('Certificate');
    const rotated = { ...member, key: next, enrolment: { ...member.enrolment, certificateChain: chain } };
    const again = new TestStream(hub, rotated, helloOf(rotated, { instance: randomUUID() }));
    await again.expect('Welcome');
    const slots = await hub.database.query<{ slot: string }>(
      'SELECT slot FROM cluster_keys WHERE cluster_id = $1 ORDER BY slot',
      [member.enrolment.clusterId],
    );
    expect(slots.map(({ slot }) => slot)).toEqual(['current', 'previous']);
    again.close();
    stream.close();
  });
});

describe('a database that went back in time', () => {
  test('a mark that was never sent makes the cluster recovering, and it gets nothing', async () => {
    const { stream, set, member, clusterId, hello } = await upToDate();
    stream.close();
    const mark = { ...set.mark, generation: 99 };
    const again = new TestStream(
      hub,
      member,
      helloOf(member, { instance: hello.instance, mark, held: mark }),
    );
    expect(await again.expect('Welcome')).toMatchObject({ recovering: true });
    await assign(hub, { applicationId, clusterId, assignment: 2 });
    hub.app.get(Hints).send('cluster', [clusterId]);
    expect(await again.next(1500)).toBeNull();
    expect(await clusterRow(member)).toMatchObject({ recovering: true });
    again.close();
  });

  test('an ack that was lost on the way is made good by the next hello', async () => {
    const { stream, set, member, clusterId, hello } = await upToDate();
    await assign(hub, { applicationId, clusterId, assignment: 2 });
    hub.app.get(Hints).send('cluster', [clusterId]);
    const next = await acceptNext(stream, set);
    stream.close();
    const { mark } = next.set;
    const again = new TestStream(
      hub,
      member,
      helloOf(member, { instance: hello.instance, mark, held: mark }),
    );
    expect(await again.expect('Welcome')).toMatchObject({ recovering: false });
    expect((await clusterRow(member))['accepted_generation']).toBe(2n);
    again.close();
  });

  test('an agent behind what it once acked gets the complete set', async () => {
    const { stream, set, member, clusterId, hello } = await upToDate();
    await assign(hub, { applicationId, clusterId, assignment: 2 });
    hub.app.get(Hints).send('cluster', [clusterId]);
    const next = await acceptNext(stream, set);
    ack(stream, next.set);
    await eventually('stored', async () => (await clusterRow(member))['accepted_generation'] === 2n);
    stream.close();
    const again = new TestStream(
      hub,
      member,
      helloOf(member, { instance: hello.instance, mark: set.mark, held: set.mark }),
    );
    await again.expect('Welcome');
    expect((await again.expect('Desired')).complete).toBe(true);
    again.close();
  });

  test('a valid certificate for a cluster that has no row is refused as unknown and recorded, and a person may adopt it', async () => {
    const member = await enrolMember(hub);
    const { clusterId } = member.enrolment;
    await hub.database.query('DELETE FROM clusters WHERE id = $1', [clusterId]);
    const stream = new TestStream(hub, member, helloOf(member));
    expect(await stream.expect('Refused')).toMatchObject({ reason: 'unknown' });
    await eventually('recorded', async () => {
      const rows = await hub.database.query(
        `SELECT 1 FROM audit_events WHERE action = 'cluster.connect' AND resource_id = $1`,
        [clusterId],
      );
      return rows.length === 1;
    });
    stream.close();
    expect(await adopt(hub.app.get(Transactions), clusterId)).toBe(true);
    const adopted = new TestStream(hub, member, helloOf(member));
    expect(await adopted.expect('Welcome')).toMatchObject({ recovering: true });
    adopted.close();
    expect(await adopt(hub.app.get(Transactions), randomUUID())).toBe(false);
  });
});

function derOf(pem: string): Uint8Array {
  return Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
}
