/** Registration: one use is one use, a crash burns nothing, and every refusal looks the same. */
import { createHash, randomUUID, X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  admin,
  clientOf,
  enrolMember,
  helloOf,
  newAgentKey,
  newToken,
  post,
  startTestHub,
  TestStream,
  type TestHub,
} from '../agents/agents.fixture.ts';
import { Clusters } from './clusters.ts';
import { RegistrationTokens } from './registrationTokens.ts';

let hub: TestHub;

beforeAll(async () => {
  hub = await startTestHub();
});
afterAll(() => hub?.[Symbol.asyncDispose]());

const path = '/api/v1/agents/enroll';

async function enrol(token: string, more: { csr?: string; clusterUid?: string } = {}) {
  const csr = more.csr ?? (await newAgentKey()).csr;
  return post(hub, path, { token, csr, clusterUid: more.clusterUid ?? randomUUID() });
}

async function usesOf(token: string): Promise<number> {
  const [row] = await hub.database.query<{ uses: number }>(
    'SELECT uses FROM registration_tokens WHERE id = $1',
    [token.split('_')[2]],
  );
  return row?.uses ?? -1;
}

test('a certificate is for this cluster, for 24 h, for clients only, and the bundle holds the pinned root', async () => {
  const { enrolment } = await enrolMember(hub);
  const leaf = new X509Certificate(enrolment.certificateChain);
  expect(leaf.subjectAltName).toBe(`URI:spiffe://flotilla/cluster/${enrolment.clusterId}`);
  expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
  const lifeMs = new Date(leaf.validTo).getTime() - Date.now();
  expect(Math.abs(lifeMs - 86_400_000)).toBeLessThan(60_000);
  const root = new X509Certificate(enrolment.trustBundle.certificates[0]!);
  expect(leaf.verify(root.publicKey)).toBe(true);
  const { caSha256 } = await hub.app.get(RegistrationTokens).create(admin, {
    project: 'default',
    labels: {},
    cidrs: [],
    maxUses: 1,
    expiresInMs: 1000,
    requireApproval: false,
  });
  expect(createHash('sha256').update(root.raw).digest('hex')).toBe(caSha256);
});

test('of 100 parallel uses of a one-use token one succeeds', async () => {
  const token = await newToken(hub);
  // The limit on failures is another matter: the service itself is asked.
  const { Enroller } = await import('./enrol.ts');
  const enroller = hub.app.get(Enroller);
  const keys = await Promise.all(Array.from({ length: 100 }, () => newAgentKey()));
  const results = await Promise.allSettled(
    keys.map(({ csr }) =>
      enroller.enrol(
        { token, csr, clusterUid: randomUUID() },
        { ip: '127.0.0.1', correlationId: randomUUID() },
      ),
    ),
  );
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(await usesOf(token)).toBe(1);
}, 120_000);

describe('a crash between reply and storing burns nothing', () => {
  test('the same token with the same key gets the same cluster, without a further use, also expired', async () => {
    const token = await newToken(hub);
    const { csr } = await newAgentKey();
    const clusterUid = randomUUID();
    const first = await enrol(token, { csr, clusterUid });
    await hub.database.query(
      `UPDATE registration_tokens SET expires_at = now() - interval '1 hour' WHERE id = $1`,
      [token.split('_')[2]],
    );
    const again = await enrol(token, { csr, clusterUid });
    expect(again.body['clusterId']).toBe(first.body['clusterId']);
    expect(await usesOf(token)).toBe(1);
  });

  test('after the first hello it is over', async () => {
    const key = await newAgentKey();
    const token = await newToken(hub);
    const clusterUid = randomUUID();
    const { body } = await enrol(token, { csr: key.csr, clusterUid });
    const member = { key, clusterUid, enrolment: body as never };
    const stream = new TestStream(hub, member, helloOf(member));
    await stream.expect('Welcome');
    stream.close();
    expect((await enrol(token, { csr: key.csr, clusterUid })).status).toBe(403);
  });
});

describe('refusals', () => {
  test('unknown, mistyped, expired, used-up and revoked tokens and foreign clusters are refused alike', async () => {
    const good = await newToken(hub);
    const unknown = good.replace(/_[0-9a-z]{12}_/, '_000000000000_');
    const expired = await newToken(hub);
    await hub.database.query(
      `UPDATE registration_tokens SET expires_at = now() - interval '1 s' WHERE id = $1`,
      [expired.split('_')[2]],
    );
    const used = await newToken(hub);
    const taken = randomUUID();
    await enrol(used, { clusterUid: taken });
    const revoked = await newToken(hub);
    await hub.app.get(RegistrationTokens).revoke(admin, revoked.split('_')[2]!);
    const elsewhere = await newToken(hub, { cidrs: ['10.9.0.0/16'] });
    const answers = [
      await enrol(unknown),
      await enrol(good.slice(0, -1) + (good.endsWith('x') ? 'y' : 'x')),
      await enrol(expired),
      await enrol(used),
      await enrol(revoked),
      await enrol(elsewhere),
      await enrol(good, { clusterUid: taken }),
    ];
    const shown = answers.map(({ status, body }) => JSON.stringify({ status, ...body, correlationId: '' }));
    expect(new Set(shown).size).toBe(1);
    expect(answers[0]?.status).toBe(403);
    expect(await usesOf(good)).toBe(0);
  });

  test('a csr that proves nothing is no csr', async () => {
    const token = await newToken(hub);
    const { csr } = await newAgentKey();
    const lines = csr.split('\n');
    lines[3] = lines[3]!.split('').toReversed().join('');
    expect((await enrol(token, { csr: lines.join('\n') })).status).toBe(400);
    expect(await usesOf(token)).toBe(0);
  });
});

test('a token that names a cluster replaces its keys, and its row stays', async () => {
  const name = `prod-${randomUUID().slice(0, 6)}`;
  const before = await enrolMember(hub, { clusterName: name });
  const token = await newToken(hub, { clusterName: name });
  const { csr } = await newAgentKey();
  const { body } = await enrol(token, { csr, clusterUid: before.clusterUid });
  expect(body['clusterId']).toBe(before.enrolment.clusterId);
  const old = new TestStream(hub, before, helloOf(before));
  expect(await old.expect('Refused')).toMatchObject({ reason: 'revoked' });
  old.close();
});

test('with approval an agent waits, and comes in once a person said so', async () => {
  const token = await newToken(hub, { requireApproval: true });
  const { csr } = await newAgentKey();
  const clusterUid = randomUUID();
  const waiting = await enrol(token, { csr, clusterUid });
  expect(waiting).toMatchObject({ status: 202, body: { retryAfter: 10 } });
  await hub.app.get(Clusters).approve(admin, `cluster-${clusterUid.slice(0, 8)}`, null);
  expect((await enrol(token, { csr, clusterUid })).body['certificateChain']).toContain('BEGIN CERTIFICATE');
});

test('labels come from the token, never from the agent', async () => {
  const { enrolment } = await enrolMember(hub, { labels: { env: 'prod' } });
  const cluster = await hub.app.get(Clusters).get(admin, enrolment.clusterId);
  expect(cluster.labels).toEqual({ env: 'prod' });
});

describe('renewal over https', () => {
  test('a bound key is signed again; another key, a revoked cluster and an unknown one are refused alike', async () => {
    const member = await enrolMember(hub);
    const { clusterId } = member.enrolment;
    const renewed = await post(hub, '/api/v1/agents/renew', { clusterId, csr: member.key.csr });
    expect(renewed.body['certificateChain']).toContain('BEGIN CERTIFICATE');
    const other = await newAgentKey();
    const stranger = await post(hub, '/api/v1/agents/renew', { clusterId, csr: other.csr });
    const unknown = await post(hub, '/api/v1/agents/renew', { clusterId: randomUUID(), csr: member.key.csr });
    await hub.app.get(Clusters).revoke(admin, clusterId, null, null);
    const revoked = await post(hub, '/api/v1/agents/renew', { clusterId, csr: member.key.csr });
    const shown = [stranger, unknown, revoked].map(({ status, body }) =>
      JSON.stringify({ status, ...body, correlationId: '' }),
    );
    expect(new Set(shown).size).toBe(1);
    expect(stranger.status).toBe(403);
  });
});

test('a change with an old version is refused', async () => {
  const { enrolment } = await enrolMember(hub);
  const clusters = hub.app.get(Clusters);
  const { version } = await clusters.get(admin, enrolment.clusterId);
  await clusters.setLabels(admin, enrolment.clusterId, { a: '1' }, version);
  await expect(clusters.setLabels(admin, enrolment.clusterId, { a: '2' }, version)).rejects.toMatchObject({
    status: 412,
  });
});

test('a client without a certificate gets no connection', async () => {
  const { credentials } = await import('@grpc/grpc-js');
  const { createAgentHubClient } = await import('@flotilla/proto/grpc');
  const client = createAgentHubClient(hub.grpc, credentials.createSsl(Buffer.from(hub.caPem)));
  const call = client.connect();
  const error = await new Promise<Error>((resolve) => call.on('error', resolve));
  expect(error.message).toMatch(/UNAVAILABLE|certificate/i);
  client.close();
  void clientOf;
});
