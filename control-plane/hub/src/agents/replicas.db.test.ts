/** Several replicas of the role `agents` on one database: any of them may serve any agent at any time. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  acceptNext,
  ack,
  assign,
  bootHub,
  enrolMember,
  helloOf,
  insertApplication,
  reach,
  startTestHub,
  stopHub,
  TestStream,
  type TestHub,
} from './agents.fixture.ts';
import { Hints } from '../platform/hints.ts';

let first: TestHub;
let second: NestFastifyApplication;

beforeAll(async () => {
  first = await startTestHub();
  second = await bootHub(first.config);
});
afterAll(async () => {
  await first?.[Symbol.asyncDispose]();
});

function at(app: NestFastifyApplication): TestHub {
  return { ...first, ...reach(app), app };
}

test('an agent that comes to another replica is told so at the first within 5 s, and is served there; draining sends it away', async () => {
  const member = await enrolMember(first);
  const { clusterId } = member.enrolment;
  const applicationId = await insertApplication(first);
  await assign(first, { applicationId, clusterId, assignment: 1 });
  const hello = helloOf(member);
  const old = new TestStream(first, member, hello);
  const { fence } = await old.expect('Welcome');
  const { set } = await acceptNext(old, null);
  ack(old, set);
  const began = performance.now();
  const held = { instance: hello.instance, mark: set.mark, held: set.mark };
  const now = new TestStream(at(second), member, helloOf(member, held));
  expect((await now.expect('Welcome')).fence).toBe(fence + 1n);
  expect(await old.expect('Refused', 5000)).toMatchObject({ reason: 'displaced' });
  expect(performance.now() - began).toBeLessThan(5000);
  await assign(first, { applicationId, clusterId, assignment: 2 });
  first.app.get(Hints).send('cluster', [clusterId]);
  const next = await acceptNext(now, set);
  ack(now, next.set);
  await stopHub(second);
  expect(await now.expect('Drain')).toMatchObject({ retryAfterMs: expect.any(Number) });
  const [row] = await first.database.query<{ replica_id: string | null; open: bigint }>(
    `SELECT c.replica_id, (SELECT count(*) FROM sessions s WHERE s.cluster_id = c.id AND s.ended_at IS NULL) AS open
     FROM clusters c WHERE c.id = $1`,
    [clusterId],
  );
  expect(row).toEqual({ replica_id: null, open: 0n });
  old.close();
  now.close();
});
