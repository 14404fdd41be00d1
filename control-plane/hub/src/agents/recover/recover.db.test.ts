/** A hub whose database went back in time: it sends nothing, says why, and goes on with what its clusters hold. */
import { buildBundle } from '@flotilla/domain/bundle/bundle';
import { encodeIndex } from '@flotilla/domain/bundle/bundleIndex';
import type { DesiredSet } from '@flotilla/domain/desired/set';
import { encodeAnswerChunk } from '@flotilla/proto/codec/answer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkpointOnce } from '../../audit/checkpoint.ts';
import { sealOnce } from '../../audit/seal.ts';
import { DataKeys } from '../../platform/dataKeys.ts';
import { sha256 } from '../../platform/digest.ts';
import { Envelope } from '../../platform/envelope.ts';
import { Hints } from '../../platform/hints.ts';
import { Observations } from '../../platform/observations.ts';
import { Transactions } from '../../platform/transaction.ts';
import {
  acceptNext,
  ack,
  assign,
  clientOf,
  enrolMember,
  helloOf,
  insertApplication,
  startTestHub,
  TestStream,
  type Member,
  type TestHub,
} from '../agents.fixture.ts';
import { supersededByRecovery } from '../../rollouts/recovered.ts';
import { notHeardReason } from '../recovery.ts';
import { chooseRevision } from './heldEntry.ts';
import * as store from './recover.store.ts';
import { recover } from './recover.ts';

let hub: TestHub;

beforeAll(async () => {
  hub = await startTestHub();
});
afterAll(() => hub?.[Symbol.asyncDispose]());

function run(apply: boolean) {
  return recover(
    {
      database: hub.database,
      envelope: hub.app.get(Envelope),
      hints: hub.app.get(Hints),
      transactions: hub.app.get(Transactions),
      bundleWithinMs: 5000,
    },
    apply,
  );
}

async function clusterOf(member: Member): Promise<Record<string, unknown>> {
  const [row] = await hub.database.query<Record<string, unknown>>('SELECT * FROM clusters WHERE id = $1', [
    member.enrolment.clusterId,
  ]);
  return row!;
}

async function eventually(what: string, check: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await check())) {
    if (performance.now() > deadline) throw new Error(`${what} did not happen`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** A cluster that accepted assignment 2, whose rows then went back to assignment 1. */
async function restored(bundle = 'c'.repeat(64)) {
  const member = await enrolMember(hub);
  const { clusterId } = member.enrolment;
  const applicationId = await insertApplication(hub);
  const target = await assign(hub, { applicationId, clusterId, assignment: 1 });
  const hello = helloOf(member);
  const stream = new TestStream(hub, member, hello);
  await stream.expect('Welcome');
  const first = await acceptNext(stream, null);
  ack(stream, first.set);
  await eventually('accepted', async () => (await clusterOf(member))['accepted_generation'] === 1n);
  const backup = await hub.database.query<Record<string, unknown>>('SELECT * FROM targets WHERE id = $1', [
    target,
  ]);
  await assign(hub, { applicationId, clusterId, assignment: 2, revision: 2, bundle });
  hub.app.get(Hints).send('cluster', [clusterId]);
  const { set } = await acceptNext(stream, first.set);
  ack(stream, set);
  await eventually('accepted', async () => (await clusterOf(member))['accepted_generation'] === 2n);
  stream.close();
  const { head, head_digest: digest } = backup[0]!;
  await hub.database.query(
    `UPDATE targets SET assignment = 1, revision_number = 1, head = $2, head_digest = $3, bundle = $4, generation = 1 WHERE id = $1`,
    [target, head, digest, 'b'.repeat(64)],
  );
  await hub.database.query(
    `UPDATE clusters SET generation = 1, accepted_generation = 1, accepted_digest = $2 WHERE id = $1`,
    [clusterId, first.set.mark.digest],
  );
  await hub.database.query('DELETE FROM sent_marks WHERE cluster_id = $1', [clusterId]);
  return { member, clusterId, applicationId, target, set, instance: hello.instance };
}

function connect(member: Member, set: DesiredSet | null, instance: string): TestStream {
  const mark = set?.mark ?? null;
  return new TestStream(hub, member, helloOf(member, { instance, mark, held: mark }));
}

function sendHoldings(
  stream: TestStream,
  set: DesiredSet,
  bundles: { digest: string; index: Uint8Array }[] = [],
): void {
  const entries = [...set.entries.values()].map(({ target, head }) => ({ target, head }));
  stream.send({ type: 'Holdings', entries, bodies: [], bundles: [], last: false });
  stream.send({ type: 'Holdings', entries: [], bodies: [...set.bodies.values()], bundles, last: true });
}

test('what a cluster holds is listed, taken over byte for byte, and the agent gets the same entries under a new epoch', async () => {
  const { member, clusterId, applicationId, target, set, instance } = await restored();
  const stream = connect(member, set, instance);
  expect(await stream.expect('Welcome')).toMatchObject({ recovering: true });
  sendHoldings(stream, set);
  await eventually('reported', async () =>
    (await run(false)).some((one) => one.clusterId === clusterId && one.heard),
  );
  const listed = (await run(false)).find((one) => one.clusterId === clusterId);
  expect(listed?.differences).toEqual([
    {
      application: 'app',
      target,
      held: { assignment: 2, revision: 2, bundle: 'c'.repeat(64) },
      stored: { assignment: 1, revision: 1, state: 'Active' },
    },
  ]);
  const taken = (await run(true)).find((one) => one.clusterId === clusterId);
  expect(taken?.taken).toMatchObject({ outcome: 'taken', changed: 1 });
  expect(await stream.expect('Refused')).toMatchObject({ reason: 'displaced' });
  const again = connect(member, set, instance);
  expect(await again.expect('Welcome')).toMatchObject({ recovering: false });
  const next = await acceptNext(again, set);
  expect(next.set.mark.epoch).toBe(set.mark.epoch + 1);
  expect(next.set.mark.generation).toBeGreaterThan(set.mark.generation);
  expect(next.set.mark.digest).toBe(set.mark.digest);
  const [application] = await hub.database.query<{ revision_number: number }>(
    'SELECT revision_number FROM applications WHERE id = $1',
    [applicationId],
  );
  expect(application?.revision_number).toBe(2);
  stream.close();
  again.close();
});

describe('rollouts of a cluster that is taken over', () => {
  /** A rollout of revision 5 in which the cluster had its turn. */
  async function rollOut(applicationId: string, target: string, clusterId: string, from: Past) {
    await hub.database.query(
      `WITH revision AS (INSERT INTO revisions (application_id, number, key, sources, render_spec, meta, state)
         VALUES ($1, 5, 'five', '[{}]', '{}', '{}', 'Ready') RETURNING id),
       rollout AS (INSERT INTO rollouts (application_id, revision_id, revision_number, kind, phase, strategy, created_by, started_at)
         SELECT $1, id, 5, 'forward', '${from.phase ?? 'Running'}', '{}', 'automation', ${from.startedAt} FROM revision RETURNING id)
       INSERT INTO rollout_targets (rollout_id, target_id, cluster_id, wave, outcome, assignment, state)
         SELECT id, $2, $3, 0, $4, $5, '{"revision": 5, "givenBefore": 1, "soakedMs": 7}' FROM rollout`,
      [applicationId, target, clusterId, from.outcome, from.assignment],
    );
    await hub.database.query(`UPDATE targets SET rollout_state = '{"given": 5}' WHERE id = $1`, [target]);
    const stages = [
      { name: 'dev', sinceMs: 1, inherited: [] },
      { name: 'production', sinceMs: 2, soaking: { revision: 5 }, ready: { revision: 4 } },
    ];
    await hub.database.query('UPDATE applications SET rollout_state = $2 WHERE id = $1', [
      applicationId,
      JSON.stringify({ stages }),
    ]);
  }

  interface Past {
    phase?: string;
    startedAt: string;
    outcome: string;
    assignment: number | null;
  }

  async function taken(from: Past) {
    const { member, clusterId, applicationId, target, set, instance } = await restored();
    await rollOut(applicationId, target, clusterId, from);
    const stream = connect(member, set, instance);
    await stream.expect('Welcome');
    sendHoldings(stream, set);
    await eventually('reported', async () =>
      (await run(false)).some((one) => one.clusterId === clusterId && one.heard),
    );
    await run(true);
    stream.close();
    const [row] = await hub.database.query<Record<string, unknown>>(
      `SELECT (t.rollout_state->>'given')::int AS given, r.phase, r.phase_reason AS why, o.outcome, o.assignment, o.state, c.recovering_since AS since
       FROM targets t JOIN rollouts r ON r.application_id = t.application_id JOIN clusters c ON c.id = t.cluster_id
         JOIN rollout_targets o ON o.target_id = t.id WHERE t.id = $1`,
      [target],
    );
    return row;
  }

  const afterwards = `now() + interval '1 hour'`;

  test('what a rollout gave it since it was last seen still belongs there, and that rollout goes on', async () => {
    expect(await taken({ startedAt: afterwards, outcome: 'Deferred', assignment: null })).toMatchObject({
      given: 5,
      phase: 'Running',
      outcome: 'Deferred',
      since: null,
    });
  });

  test('what was assigned to it meanwhile was never sent: its turn comes again', async () => {
    expect(await taken({ startedAt: afterwards, outcome: 'Assigned', assignment: 2 })).toMatchObject({
      given: 5,
      phase: 'Running',
      outcome: 'Pending',
      assignment: null,
      state: { revision: 5, givenBefore: 1 },
    });
  });

  test('one of the restored past is over, and what the cluster holds belongs there', async () => {
    const past = { startedAt: `now() - interval '1 hour'`, outcome: 'Deferred', assignment: null };
    expect(await taken(past)).toMatchObject({
      given: 2,
      phase: 'Superseded',
      why: supersededByRecovery,
      since: null,
    });
    const kept = await hub.database.query<{ stages: object[] }>(
      `SELECT rollout_state->'stages' AS stages FROM applications WHERE rollout_state ? 'stages'`,
    );
    for (const { stages } of kept)
      expect(stages).toEqual([
        { name: 'dev', sinceMs: 1, inherited: [] },
        { name: 'production', sinceMs: 2 },
      ]);
    expect(kept.length).toBeGreaterThan(0);
    const paused = await taken({ ...past, phase: 'Paused' });
    expect(paused).toMatchObject({ phase: 'Superseded', why: `${supersededByRecovery} while it was paused` });
  });
});

test('a bundle that the database lost comes back from the cluster, verified', async () => {
  const object = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'c', namespace: 'default' },
    data: { a: '1' },
  };
  const built = buildBundle([{ object, source: 'c.yaml' } as never], sha256);
  if (!built.ok) throw new Error('no bundle');
  const { index, frames } = built.bundle;
  const { member, clusterId, set, instance } = await restored(index.digest);
  const stream = connect(member, set, instance);
  await stream.expect('Welcome');
  sendHoldings(stream, set, [{ digest: index.digest, index: encodeIndex(index) }]);
  await eventually('reported', async () =>
    (await run(false)).some((one) => one.clusterId === clusterId && one.heard),
  );
  const recovering = run(true);
  const { id, command } = await stream.expect('Command');
  expect(command).toEqual({ kind: 'sendBundle', digest: index.digest });
  const client = clientOf(hub, member);
  const call = client.answer(() => undefined);
  call.write(
    encodeAnswerChunk({ commandId: id, seq: 1n, content: { type: 'data', data: Buffer.concat(frames) } }),
  );
  call.write(encodeAnswerChunk({ commandId: id, seq: 2n, content: { type: 'end' } }));
  call.end();
  const result = (await recovering).find((one) => one.clusterId === clusterId);
  expect(result).toMatchObject({ missingBundles: [], taken: { outcome: 'taken' } });
  const [frame] = await hub.database.query<{ data: Buffer; digest: string }>(
    'SELECT f.data, f.digest FROM bundles b JOIN frames f ON f.digest = b.frames[1] WHERE b.digest = $1',
    [index.digest],
  );
  const plain = await hub.app.get(DataKeys).open(hub.projectId, 'frames', frame!.digest, frame!.data);
  expect(plain).toEqual(Buffer.from(frames[0]!));
  client.close();
  stream.close();
});

test('a lost snapshot keeps what the database has, under an assignment above the one observed', async () => {
  const { member, clusterId, target, set, instance } = await restored();
  await hub.database.query(
    `INSERT INTO target_observations (target_id, cluster_id, application_id, fence, seq, digest, assignment, revision_number, bundle, sync, health, state)
     SELECT id, cluster_id, application_id, 1, 1, '', 7, 2, '', 'Synced', 'Healthy', '{}' FROM targets WHERE id = $1`,
    [target],
  );
  const stream = new TestStream(hub, member, helloOf(member, { instance, mark: set.mark, held: null }));
  expect(await stream.expect('Welcome')).toMatchObject({ recovering: true });
  stream.send({ type: 'Holdings', entries: [], bodies: [], bundles: [], last: true });
  await eventually('reported', async () =>
    (await run(false)).some((one) => one.clusterId === clusterId && one.heard),
  );
  expect((await run(true)).find((one) => one.clusterId === clusterId)?.taken).toMatchObject({
    reassigned: 1,
  });
  const again = new TestStream(hub, member, helloOf(member, { instance, mark: set.mark, held: null }));
  expect(await again.expect('Welcome')).toMatchObject({ recovering: false });
  const next = await acceptNext(again, null);
  const [entry] = [...next.set.entries.values()];
  expect(JSON.parse(Buffer.from(entry!.head).toString())).toMatchObject({ assignment: 8 });
  stream.close();
  again.close();
});

describe('a checkpoint that the database lacks', () => {
  test('holds the whole fleet; who is not heard stays held, until it shows that it holds nothing new', async () => {
    const quiet = await enrolMember(hub);
    const applicationId = await insertApplication(hub);
    await assign(hub, { applicationId, clusterId: quiet.enrolment.clusterId, assignment: 1 });
    const hello = helloOf(quiet);
    const before = new TestStream(hub, quiet, hello);
    await before.expect('Welcome');
    const { set } = await acceptNext(before, null);
    ack(before, set);
    await eventually('accepted', async () => (await clusterOf(quiet))['accepted_generation'] === 1n);
    before.close();
    const observations = hub.app.get(Observations);
    await sealOnce(observations, true);
    const checkpoint = await checkpointOnce(observations, hub.app.get(Envelope));
    await hub.database.query('ALTER TABLE audit_checkpoints DISABLE TRIGGER ALL');
    await hub.database.query('DELETE FROM audit_checkpoints WHERE seq = $1', [checkpoint!.seq]);
    const witness = await enrolMember(hub);
    const stream = new TestStream(hub, witness, helloOf(witness, { lastCheckpoint: checkpoint }));
    expect(await stream.expect('Welcome')).toMatchObject({ recovering: true });
    await assign(hub, { applicationId, clusterId: witness.enrolment.clusterId, assignment: 1 });
    hub.app.get(Hints).send('cluster', [witness.enrolment.clusterId]);
    expect(await stream.next(1000)).toBeNull();
    await run(true);
    expect(await clusterOf(quiet)).toMatchObject({ recovering: true, recovering_reason: notHeardReason });
    const after = connect(quiet, set, hello.instance);
    expect(await after.expect('Welcome')).toMatchObject({ recovering: false });
    after.close();
    stream.close();
    const again = new TestStream(hub, witness, helloOf(witness, { lastCheckpoint: checkpoint }));
    await again.expect('Welcome');
    expect(await hub.database.query('SELECT 1 FROM hub WHERE recovering')).toHaveLength(0);
    again.close();
  });

  test('who was not heard and then shows what the database lacks stays held, and says what it was', async () => {
    const { member, set, instance } = await restored();
    await hub.database.query('UPDATE clusters SET recovering = true, recovering_reason = $2 WHERE id = $1', [
      member.enrolment.clusterId,
      notHeardReason,
    ]);
    const stream = connect(member, set, instance);
    expect(await stream.expect('Welcome')).toMatchObject({ recovering: true });
    expect(await clusterOf(member)).toMatchObject({
      recovering: true,
      recovering_reason: expect.stringContaining('no record of sending'),
    });
    stream.close();
  });

  test('one that this hub did not sign proves nothing', async () => {
    const member = await enrolMember(hub);
    const forged = {
      seq: 9999n,
      hash: 'a'.repeat(64),
      at: new Date(),
      signature: Buffer.alloc(64),
      keyId: 'x',
    };
    const stream = new TestStream(hub, member, helloOf(member, { lastCheckpoint: forged }));
    expect(await stream.expect('Welcome')).toMatchObject({ recovering: false });
    stream.close();
  });
});

test('bundles that clusters hold of one lost revision are its variants, and no numbers of their own', async () => {
  const applicationId = await insertApplication(hub);
  const sql = { sql: <T>(text: string, params?: unknown[]) => hub.database.query<T>(text, params) };
  const adopt = async (bundle: string): Promise<{ revisionId: string; variantId: string }> => {
    const held = { applicationId, projectId: hub.projectId, number: 5, bundle, sizeBytes: 1 };
    const choice = chooseRevision(await store.readRevisions(sql, applicationId), held);
    if (choice.choice === 'known') return { revisionId: choice.revision.id, variantId: choice.variantId };
    if (choice.choice === 'lost') return store.insertLostRevision(sql, held);
    return store.insertLostVariant(sql, { ...held, revisionId: choice.revision.id });
  };
  const [eu, us, again] = [await adopt('eu'), await adopt('us'), await adopt('eu')];
  expect(us.revisionId).toBe(eu.revisionId);
  expect(us.variantId).not.toBe(eu.variantId);
  expect(again).toEqual(eu);
  const [revision] = await sql.sql<{ number: number; templated: boolean }>(
    `SELECT number, render_spec ? 'templating' AS templated FROM revisions WHERE application_id = $1`,
    [applicationId],
  );
  expect(revision).toEqual({ number: 5, templated: true });
});
