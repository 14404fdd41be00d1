/** Report, FetchBundle and Answer over real mTLS: whose they are, what they cost, and that they end with their cluster. */
import { randomBytes, randomUUID } from 'node:crypto';
import { status, type ServiceError } from '@grpc/grpc-js';
import { canonicalBytes } from '@flotilla/domain/bundle/canonical';
import { decodeAnswerAck, encodeAnswerChunk } from '@flotilla/proto/codec/answer';
import { decodeBundleChunk, encodeBundleRequest } from '@flotilla/proto/codec/bundle';
import { decodeReportAck, encodeReportBatch } from '@flotilla/proto/codec/report';
import type { Encoded } from '@flotilla/proto/grpc';
import type { BundleChunk, BundleRequest, ReportAck, ReportBatch } from '@flotilla/proto/messages';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Clusters } from '../clusters/clusters.ts';
import { DataKeys } from '../platform/dataKeys.ts';
import { sha256Hex } from '../platform/digest.ts';
import { Hints } from '../platform/hints.ts';
import {
  admin,
  assign,
  clientOf,
  enrolMember,
  helloOf,
  insertApplication,
  startTestHub,
  TestStream,
  type Member,
  type TestHub,
} from './agents.fixture.ts';

let hub: TestHub;

beforeAll(async () => {
  hub = await startTestHub();
});
afterAll(() => hub?.[Symbol.asyncDispose]());

/** A bundle of two frames, assigned to one cluster. */
async function bundleOn(member: Member) {
  const applicationId = await insertApplication(hub);
  const dataKeys = hub.app.get(DataKeys);
  const frames = [randomBytes(50_000), randomBytes(20_000)];
  const digests = frames.map((frame) => sha256Hex(frame));
  const digest = sha256Hex(Buffer.concat(frames));
  for (const [at, frame] of frames.entries()) {
    const sealed = await dataKeys.seal(hub.projectId, 'frames', digests[at]!, frame);
    await hub.database.query(
      'INSERT INTO frames (project_id, digest, data, key_version, size_bytes) VALUES ($1, $2, $3, $4, $5)',
      [hub.projectId, digests[at], sealed.data, sealed.keyVersion, frame.length],
    );
  }
  const index = Buffer.from(JSON.stringify({ digest, frames: digests }));
  const sealed = await dataKeys.seal(hub.projectId, 'bundles', digest, index);
  await hub.database.query(
    'INSERT INTO bundles (project_id, digest, index, key_version, size_bytes, objects, frames) VALUES ($1, $2, $3, $4, $5, 1, $6)',
    [hub.projectId, digest, sealed.data, sealed.keyVersion, 70_000, digests],
  );
  const { clusterId } = member.enrolment;
  const target = await assign(hub, { applicationId, clusterId, assignment: 1, bundle: digest });
  return { digest, target, frames, digests, index };
}

async function fetch(
  member: Member,
  request: BundleRequest,
): Promise<{ chunks: BundleChunk[]; code: status }> {
  const client = clientOf(hub, member);
  const call = client.fetchBundle(encodeBundleRequest(request));
  const chunks: BundleChunk[] = [];
  call.on('data', (bytes: Encoded) => {
    const chunk = decodeBundleChunk(bytes);
    if (chunk) chunks.push(chunk);
  });
  const code = await new Promise<status>((resolve) => {
    call.on('error', (error: ServiceError) => resolve(error.code));
    call.on('end', () => resolve(status.OK));
  });
  client.close();
  return { chunks, code };
}

function joined(chunks: BundleChunk[]): Buffer {
  return Buffer.concat(chunks.map(({ data }) => data));
}

describe('bundles', () => {
  test('index and frames come whole, in chunks of at most 32 KiB, and a frame can be resumed', async () => {
    const member = await enrolMember(hub);
    const { digest, target, frames, digests, index } = await bundleOn(member);
    const got = await fetch(member, { digest, target, frames: [] });
    expect(joined(got.chunks)).toEqual(index);
    const both = await fetch(member, {
      digest,
      target,
      frames: digests.map((one) => ({ digest: one, offset: 0 })),
    });
    expect(joined(both.chunks)).toEqual(Buffer.concat(frames));
    expect(Math.max(...both.chunks.map(({ data }) => data.length))).toBeLessThanOrEqual(32 * 1024);
    const rest = await fetch(member, { digest, target, frames: [{ digest: digests[0]!, offset: 40_000 }] });
    expect(joined(rest.chunks)).toEqual(frames[0]!.subarray(40_000));
  });

  test("another cluster's bundle, a frame of another bundle and what does not exist are the same not found", async () => {
    const owner = await enrolMember(hub);
    const stranger = await enrolMember(hub);
    const { digest, target } = await bundleOn(owner);
    const other = await bundleOn(stranger);
    const asks: [Member, BundleRequest][] = [
      [stranger, { digest, target, frames: [] }],
      [stranger, { digest, target: other.target, frames: [] }],
      [stranger, { digest: 'f'.repeat(64), target: other.target, frames: [] }],
      [owner, { digest, target, frames: [{ digest: other.digests[0]!, offset: 0 }] }],
      [owner, { digest, target: randomUUID(), frames: [] }],
    ];
    for (const [member, request] of asks) expect((await fetch(member, request)).code).toBe(status.NOT_FOUND);
  });

  test('a revoked cluster is not told anything', async () => {
    const member = await enrolMember(hub);
    const { digest, target } = await bundleOn(member);
    await hub.app.get(Clusters).revoke(admin, member.enrolment.clusterId, null, null);
    expect((await fetch(member, { digest, target, frames: [] })).code).toBe(status.UNAUTHENTICATED);
  });
});

function batchOf(fence: bigint, batch: bigint, targets: string[]): ReportBatch {
  const states = targets.map((target, at) => ({
    target,
    seq: BigInt(at + 1),
    state: canonicalBytes({
      target,
      assignment: 1,
      revision: 1,
      bundle: 'b'.repeat(64),
      sync: 'Synced',
      health: { status: 'Healthy', message: '' },
      operation: null,
      counts: { objects: 1, outOfSync: 0, pruneHeld: 0 },
      conditions: [],
      resources: [],
      removal: 'None',
    }),
  }));
  return { fence, batch, states, facts: [], incarnation: randomUUID() };
}

describe('reports', () => {
  test('a batch is acked once it is committed, a stale fence changes nothing and ends the stream', async () => {
    const member = await enrolMember(hub);
    const { target } = await bundleOn(member);
    const stream = new TestStream(hub, member, helloOf(member));
    const { fence } = await stream.expect('Welcome');
    const client = clientOf(hub, member);
    const call = client.report();
    const acks: ReportAck[] = [];
    call.on('data', (bytes: Encoded) => acks.push(decodeReportAck(bytes)));
    const ended = new Promise<void>((resolve) => {
      for (const event of ['end', 'error'] as const) call.on(event, () => resolve());
    });
    call.write(encodeReportBatch(batchOf(fence, 1n, [target])));
    const deadline = performance.now() + 5000;
    while (acks.length < 1 && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(acks[0]).toMatchObject({ batch: 1n, stale: false });
    expect(
      await hub.database.query('SELECT 1 FROM target_observations WHERE target_id = $1', [target]),
    ).toHaveLength(1);
    call.write(encodeReportBatch(batchOf(fence - 1n, 2n, [target])));
    await ended;
    expect(acks[1]).toMatchObject({ batch: 2n, stale: true });
    client.close();
    stream.close();
  });

  test('revocation ends a report stream too', async () => {
    const member = await enrolMember(hub);
    const client = clientOf(hub, member);
    const stream = new TestStream(hub, member, helloOf(member));
    await stream.expect('Welcome');
    const call = client.report();
    call.resume();
    const ended = new Promise<void>((resolve) => {
      for (const event of ['end', 'error'] as const) call.on(event, () => resolve());
    });
    call.write(encodeReportBatch(batchOf(1n, 1n, [])));
    await new Promise((resolve) => setTimeout(resolve, 300));
    await hub.app.get(Clusters).revoke(admin, member.enrolment.clusterId, null, null);
    const timer = setTimeout(() => void 0, 5000);
    await ended;
    clearTimeout(timer);
    client.close();
    stream.close();
  });
});

describe('commands', () => {
  async function insertCommand(clusterId: string): Promise<string> {
    const [row] = await hub.database.query<{ id: string }>(
      `INSERT INTO commands (cluster_id, kind, payload, created_by, expires_at)
       VALUES ($1, 'refresh', '{"hard":true}', 'test', now() + interval '5 minutes') RETURNING id`,
      [clusterId],
    );
    return row!.id;
  }

  test('a command is delivered once a session until it is acked, and again after a reconnect', async () => {
    const member = await enrolMember(hub);
    const hello = helloOf(member);
    const stream = new TestStream(hub, member, hello);
    await stream.expect('Welcome');
    const id = await insertCommand(member.enrolment.clusterId);
    hub.app.get(Hints).send('command', [member.enrolment.clusterId]);
    expect(await stream.expect('Command')).toMatchObject({ id, command: { kind: 'refresh', hard: true } });
    hub.app.get(Hints).send('command', [member.enrolment.clusterId]);
    expect(await stream.next(500)).toBeNull();
    stream.close();
    const again = new TestStream(hub, member, helloOf(member, { instance: hello.instance }));
    await again.expect('Welcome');
    expect((await again.expect('Command')).id).toBe(id);
    again.send({ type: 'CommandAck', commandId: id });
    const deadline = performance.now() + 5000;
    const isAcked = async () =>
      (await hub.database.query('SELECT 1 FROM commands WHERE id = $1 AND acked_at IS NOT NULL', [id]))
        .length === 1;
    while (!(await isAcked()) && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await isAcked()).toBe(true);
    again.close();
  });

  test("an answer reaches the table once; to another cluster's command it is not found", async () => {
    const member = await enrolMember(hub);
    const stranger = await enrolMember(hub);
    const id = await insertCommand(member.enrolment.clusterId);
    const say = async (who: Member): Promise<{ code: status; received: number }> => {
      const client = clientOf(hub, who);
      const result = await new Promise<{ code: status; received: number }>((resolve) => {
        const call = client.answer((error, bytes) => {
          if (error) resolve({ code: error.code, received: 0 });
          else resolve({ code: status.OK, received: decodeAnswerAck(bytes!).receivedBytes });
        });
        call.on('error', () => undefined);
        for (const data of ['one', 'one']) {
          call.write(
            encodeAnswerChunk({ commandId: id, seq: 1n, content: { type: 'data', data: Buffer.from(data) } }),
          );
        }
        call.write(encodeAnswerChunk({ commandId: id, seq: 2n, content: { type: 'end' } }));
        call.end();
      });
      client.close();
      return result;
    };
    expect((await say(stranger)).code).toBe(status.NOT_FOUND);
    expect(await say(member)).toMatchObject({ code: status.OK, received: 6 });
    const rows = await hub.database.query('SELECT 1 FROM answer_chunks WHERE command_id = $1', [id]);
    expect(rows).toHaveLength(2);
  });
});
