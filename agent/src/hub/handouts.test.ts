/** What the hub hands out or asks on the stream: certificates, rotations, trust, checkpoints, commands, holdings, its end. */
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { CommandBody } from '@flotilla/proto/messages';
import { afterEach, expect, test, vi } from 'vitest';
import { readBundle } from '../ops/bundle.ts';
import type { CarryOut } from '../ops/commands.ts';
import { readCheckpoint } from './checkpoint.ts';
import { identityOf } from './credentials.ts';
import { bundleChunks, desiredMessages, testBundle, testHead, testSet } from './desired.fixture.ts';
import type { TestHub } from './hub.fixture.ts';
import { createTestCa, startTestHub } from './hub.fixture.ts';
import { createCsr, generateKey, isCertificateOf } from './keys.ts';
import type { AgentParts } from './parts.fixture.ts';
import { openParts } from './parts.fixture.ts';
import type { StreamEnd } from './stream.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Connected {
  hub: TestHub;
  parts: AgentParts;
  ended: Promise<StreamEnd>;
}

async function connected(carryOut?: (parts: () => AgentParts) => CarryOut): Promise<Connected> {
  const hub = await startTestHub();
  const parts: AgentParts = await openParts({ hub, ...(carryOut && { carryOut: carryOut(() => parts) }) });
  cleanups.push(hub.close, parts.close);
  const session = parts.session();
  cleanups.push(async () => {
    session.leave();
    await session.ended;
  });
  await eventually(() => expect(hub.sessions.length).toBe(1));
  return { hub, parts, ended: session.ended };
}

async function eventually(check: () => void): Promise<void> {
  await vi.waitFor(check, { timeout: 5000, interval: 10 });
}

function last(hub: TestHub) {
  return hub.received.at(-1);
}

function command(body: CommandBody, id = randomUUID()) {
  return { type: 'Command' as const, id, expiresAt: new Date(Date.now() + 60_000), command: body };
}

test('argocd-agent: no certificate renewal: here one that is past half of its life is asked for again, stored, and then confirmed', async () => {
  const hub = await startTestHub();
  const parts = await openParts({ hub });
  cleanups.push(hub.close, parts.close);
  const { keyPem } = identityOf(parts.store);
  const old = await hub.ca.signAgent(createCsr(keyPem), { fromMs: -20 * 3_600_000, toMs: 3_600_000 });
  await parts.store.write({ ...identityOf(parts.store), chainPem: old });
  hub.behaviour.onMessage = (message, session) => {
    if (message.type !== 'Renew') return;
    expect(message.slot).toBe('current');
    void hub.ca
      .signAgent(message.csr)
      .then((chain) => session.send({ type: 'Certificate', chain, slot: 'current' }));
  };
  const session = parts.session();
  cleanups.push(async () => {
    session.leave();
    await session.ended;
  });
  await eventually(() =>
    expect(last(hub)).toMatchObject({ type: 'Stored', stored: { what: 'certificate' } }),
  );
  expect(identityOf(parts.store).chainPem).not.toBe(old);
  expect(identityOf(parts.store).keyPem).toBe(keyPem);
});

test('a rotation stores the next key before it is shown, and ends the stream to come back with it', async () => {
  const { hub, parts, ended } = await connected();
  const before = identityOf(parts.store);
  let storedWhenAsked: string | null = null;
  hub.behaviour.onMessage = (message, session) => {
    if (message.type !== 'Renew') return;
    storedWhenAsked = identityOf(parts.store).nextKeyPem;
    void hub.ca
      .signAgent(message.csr)
      .then((chain) => session.send({ type: 'Certificate', chain, slot: message.slot }));
  };
  hub.sessions[0]?.send({ type: 'RotateKey', reason: 'a person asked' });
  expect(await ended).toEqual({ reason: 'rotated' });
  const after = identityOf(parts.store);
  expect(after.keyPem).toBe(storedWhenAsked);
  expect(after).toMatchObject({ previousKeyPem: before.keyPem, nextKeyPem: null });
  expect(isCertificateOf(after.chainPem, after.keyPem)).toBe(true);
});

test('a certificate over a foreign key is not taken, and the stream goes on', async () => {
  const { hub, parts } = await connected();
  const { chainPem } = identityOf(parts.store);
  const foreign = await hub.ca.signAgent(createCsr(await generateKey()));
  hub.sessions[0]?.send({ type: 'Certificate', chain: foreign, slot: 'current' });
  hub.sessions[0]?.send(command({ kind: 'unknown' }));
  await eventually(() => expect(last(hub)).toMatchObject({ type: 'CommandAck' }));
  expect(identityOf(parts.store).chainPem).toBe(chainPem);
});

test('a newer trust bundle is stored and confirmed; an older one changes nothing', async () => {
  const { hub, parts } = await connected();
  const next = await createTestCa('next');
  hub.sessions[0]?.send({ type: 'TrustBundle', version: 3, certificates: [hub.ca.pem, next.pem] });
  await eventually(() => expect(last(hub)).toMatchObject({ stored: { what: 'trustBundle', version: 3 } }));
  hub.sessions[0]?.send({ type: 'TrustBundle', version: 2, certificates: [hub.ca.pem] });
  await eventually(() => expect(hub.received.filter(({ type }) => type === 'Stored').length).toBe(2));
  expect(identityOf(parts.store).trustBundle.certificates.length).toBe(2);
});

test('the newest checkpoint is kept', async () => {
  const { hub, parts } = await connected();
  const checkpoint = {
    hash: 'ab'.repeat(32),
    at: new Date(5000),
    signature: Uint8Array.of(1, 2),
    keyId: 'k1',
  };
  hub.sessions[0]?.send({ type: 'Checkpoint', checkpoint: { ...checkpoint, seq: 9n } });
  hub.sessions[0]?.send({ type: 'Checkpoint', checkpoint: { ...checkpoint, seq: 8n } });
  await eventually(() => expect(hub.received.filter(({ type }) => type === 'Stored').length).toBe(2));
  expect(readCheckpoint(parts.secret)).toMatchObject({ seq: 9n, hash: checkpoint.hash, keyId: 'k1' });
});

test('a command is acked, run once however often it comes, and what is not supported is said to whoever asked', async () => {
  const ran: CommandBody[] = [];
  const { hub } = await connected(() => (body) => {
    ran.push(body);
    return { answer: 'none' };
  });
  const refresh = command({ kind: 'refresh', target: '', hard: false });
  hub.sessions[0]?.send(refresh);
  hub.sessions[0]?.send(refresh);
  await eventually(() => expect(hub.received.filter(({ type }) => type === 'CommandAck').length).toBe(2));
  expect(ran.length).toBe(1);
});

test('a bundle that a recovering hub lost is answered in chunks, and one that is not here is an error', async () => {
  const bundle = testBundle(60);
  const { hub, parts } = await connected((open) => (body) => {
    if (body.kind !== 'sendBundle') throw new Error('something else was asked');
    return { answer: 'stream', content: readBundle(open().bundles, body.digest) };
  });
  hub.behaviour.serveBundle = (request) => bundleChunks([bundle], request);
  const head = testHead({ bundle: { digest: bundle.index.digest, sizeBytes: bundle.index.bytes } });
  for (const message of desiredMessages(null, testSet({ epoch: 1, generation: 1 }, [{ head }]))) {
    hub.sessions[0]?.send(message);
  }
  await eventually(() => expect(parts.arrived.length).toBe(1));
  hub.sessions[0]?.send(command({ kind: 'sendBundle', digest: bundle.index.digest }));
  await eventually(() => expect(hub.answers.at(-1)?.content).toEqual({ type: 'end' }));
  const bytes = hub.answers.flatMap(({ content }) => (content.type === 'data' ? [content.data] : []));
  expect(Buffer.concat(bytes).equals(Buffer.concat(bundle.frames))).toBe(true);
  hub.answers.length = 0;
  hub.sessions[0]?.send(command({ kind: 'sendBundle', digest: 'ab'.repeat(32) }));
  await eventually(() =>
    expect(hub.answers.at(-1)?.content).toMatchObject({ type: 'error', code: 'notFound' }),
  );
});

test.each([
  ['a small document goes beside control', 'document', 1, 1],
  ['one of more than goes beside control has a connection of its own', 'document', 9, 2],
  ['what is told as it comes has one from its first byte', 'stream', 1, 2],
] as const)('%s', async (_, answer, parts, connections) => {
  const part = Buffer.alloc(32 * 1024, 'x');
  const { hub } = await connected(() => () => ({
    answer,
    content: Readable.from(Array.from({ length: parts }, () => part)),
  }));
  hub.sessions[0]?.send(command({ kind: 'diff', target: randomUUID() }));
  await eventually(() => expect(hub.answers.at(-1)?.content).toEqual({ type: 'end' }));
  expect(hub.answers.length).toBe(parts + 1);
  expect(hub.connections.size).toBe(connections);
});

test('a document that fails half-way is answered with what there was and its error', async () => {
  const { hub } = await connected(() => () => ({ answer: 'document', content: halfOf() }));
  hub.sessions[0]?.send(command({ kind: 'diff', target: randomUUID() }));
  await eventually(() =>
    expect(hub.answers.map(({ content }) => content)).toMatchObject([
      { type: 'data' },
      { type: 'error', code: 'failed', message: 'no further' },
    ]),
  );
});

async function* halfOf(): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(Buffer.from('half'));
  throw new Error('no further');
}

test('a recovering hub is told what this cluster holds', async () => {
  const { hub, parts, ended } = await connected();
  const set = testSet({ epoch: 1, generation: 3 }, [{ head: testHead() }, { head: testHead() }]);
  for (const message of desiredMessages(null, set)) hub.sessions[0]?.send(message);
  await eventually(() => expect(last(hub)).toMatchObject({ type: 'DesiredAck' }));
  hub.sessions[0]?.cut();
  await ended;
  hub.behaviour.welcome = () => ({ recovering: true });
  const session = parts.session();
  cleanups.push(async () => {
    session.leave();
    await session.ended;
  });
  await eventually(() => expect(last(hub)).toMatchObject({ type: 'Holdings', last: true }));
  const held = last(hub);
  if (held?.type !== 'Holdings') throw new Error('no holdings');
  expect(held.entries.map(({ target }) => target).sort()).toEqual(Array.from(set.entries.keys()).sort());
  expect(held.bodies.length).toBe(1);
});

test('how a stream ended is told apart: drained, refused, closed', async () => {
  const first = await connected();
  first.hub.sessions[0]?.send({ type: 'Drain', retryAfterMs: 1234 });
  expect(await first.ended).toEqual({ reason: 'drained', retryAfterMs: 1234 });
  const second = await connected();
  second.hub.sessions[0]?.send({
    type: 'Refused',
    reason: 'quarantined',
    retryAfterMs: 5000,
    detail: 'a clone',
  });
  expect(await second.ended).toMatchObject({ reason: 'refused', refused: 'quarantined', retryAfterMs: 5000 });
  const third = await connected();
  third.hub.sessions[0]?.cut();
  expect(await third.ended).toMatchObject({ reason: 'lost', denied: false });
});

test('a hub whose certificate is of another ca is not spoken to', async () => {
  const hub = await startTestHub();
  const parts = await openParts({ hub });
  cleanups.push(hub.close, parts.close);
  const other = await createTestCa('other');
  await parts.store.write({
    ...identityOf(parts.store),
    trustBundle: { version: 1, certificates: [other.pem] },
  });
  const session = parts.session();
  expect(await session.ended).toMatchObject({ reason: 'lost' });
  expect(hub.sessions).toEqual([]);
});
