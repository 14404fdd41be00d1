/** Acceptance over a real stream: what is acked is durable, what is broken moves nothing, and the mark never goes back. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { HubMessage } from '@flotilla/proto/messages';
import { afterEach, expect, test, vi } from 'vitest';
import { KubeError } from '../kube/error.ts';
import { DiskFullError } from '../state/disk.ts';
import { desiredMessages, testBody, testHead, testSet } from './desired.fixture.ts';
import type { TestHub } from './hub.fixture.ts';
import { startTestHub } from './hub.fixture.ts';
import type { AgentParts } from './parts.fixture.ts';
import { openParts } from './parts.fixture.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function connected(): Promise<{ hub: TestHub; parts: AgentParts }> {
  const hub = await startTestHub();
  const parts = await openParts({ hub });
  cleanups.push(hub.close, parts.close);
  startSession(parts);
  await waitForSessions(hub, 1);
  return { hub, parts };
}

function startSession(parts: AgentParts): { ended: Promise<unknown>; leave(): void } {
  const session = parts.session();
  cleanups.push(async () => {
    session.leave();
    await session.ended;
  });
  return session;
}

async function waitForSessions(hub: TestHub, count: number): Promise<void> {
  await vi.waitFor(() => expect(hub.sessions.length).toBe(count), { timeout: 5000 });
}

async function said(hub: TestHub, type: string, count = 1) {
  const of = () => hub.received.filter((message) => message.type === type);
  await vi.waitFor(() => expect(of().length).toBeGreaterThanOrEqual(count), { timeout: 5000 });
  return of()[count - 1];
}

function send(hub: TestHub, messages: HubMessage[], session = 0): void {
  for (const message of messages) hub.sessions[session]?.send(message);
}

test('the ack comes after snapshot and mark are durable, in this order', async () => {
  const { hub, parts } = await connected();
  let atAck: string[] = [];
  hub.behaviour.onMessage = (message) => {
    if (message.type === 'DesiredAck') atAck = [...parts.events];
  };
  const set = testSet({ epoch: 1, generation: 4 }, [{ head: testHead() }, { head: testHead() }]);
  send(hub, desiredMessages(null, set));
  expect(await said(hub, 'DesiredAck')).toMatchObject({ ...set.mark, errors: [] });
  expect(atAck).toEqual(['snapshot 1.4', 'mark 1.4']);
  expect(parts.accepted.map(({ mark }) => mark.generation)).toEqual([4]);
});

test('a set in many parts counts with its last part', async () => {
  const { hub, parts } = await connected();
  const entries = Array.from({ length: 40 }, (_, index) => ({
    head: testHead(),
    body: testBody({ destinationNamespace: `space-${String(index)}` }),
  }));
  const set = testSet({ epoch: 1, generation: 1 }, entries);
  const messages = desiredMessages(null, set, 4000);
  expect(messages.length).toBeGreaterThan(5);
  send(hub, messages.slice(0, -1));
  send(hub, [{ type: 'Checkpoint', checkpoint: checkpointOf(1n) }]);
  await said(hub, 'Stored');
  expect(parts.events).toEqual([]);
  send(hub, messages.slice(-1));
  expect(await said(hub, 'DesiredAck')).toMatchObject({ generation: 1 });
  expect(parts.accepted[0]?.entries.length).toBe(40);
});

test('a delta on what is held is accepted with its digest', async () => {
  const { hub, parts } = await connected();
  const kept = testHead();
  const first = testSet({ epoch: 1, generation: 1 }, [{ head: kept }]);
  const second = testSet({ epoch: 1, generation: 2 }, [{ head: kept }, { head: testHead() }]);
  send(hub, [...desiredMessages(null, first), ...desiredMessages(first, second)]);
  expect(await said(hub, 'DesiredAck', 2)).toMatchObject(second.mark);
  expect(parts.accepted[1]?.entries.length).toBe(2);
});

test('a delta on a base that was lost is answered by WantComplete, and the complete set of the mark heals it', async () => {
  const { hub, parts } = await connected();
  const kept = testHead();
  const first = testSet({ epoch: 1, generation: 1 }, [{ head: kept }]);
  send(hub, desiredMessages(null, first));
  await said(hub, 'DesiredAck');
  await writeFile(path.join(parts.folder, 'snapshot'), 'torn');
  const restarted = await parts.restart();
  startSession(restarted);
  await waitForSessions(hub, 2);
  const hello = hub.sessions[1]?.received[0];
  expect(hello).toMatchObject({ type: 'Hello', mark: first.mark, held: null });
  const second = testSet({ epoch: 1, generation: 2 }, [{ head: kept }, { head: testHead() }]);
  send(hub, desiredMessages(first, second), 1);
  expect(await said(hub, 'WantComplete')).toMatchObject({ reason: 'Lost' });
  send(hub, desiredMessages(null, first), 1);
  expect(await said(hub, 'DesiredAck', 2)).toMatchObject(first.mark);
});

test('a complete set with a wrong digest is nacked and moves nothing', async () => {
  const { hub, parts } = await connected();
  const set = testSet({ epoch: 1, generation: 1 }, [{ head: testHead() }]);
  send(
    hub,
    desiredMessages(null, set).map((message) => ({ ...message, digest: 'ff'.repeat(32) }) as HubMessage),
  );
  expect(await said(hub, 'DesiredNack')).toMatchObject({ epoch: 1, generation: 1, reason: 'digest' });
  expect(parts.events).toEqual([]);
  expect(parts.accepted).toEqual([]);
});

test('a part that does not follow is nacked as malformed', async () => {
  const { hub } = await connected();
  const set = testSet({ epoch: 1, generation: 1 }, [{ head: testHead() }]);
  send(
    hub,
    desiredMessages(null, set).map((message) => ({ ...message, part: 2, parts: 3 }) as HubMessage),
  );
  expect(await said(hub, 'DesiredNack')).toMatchObject({ reason: 'malformed' });
});

test('a head, a body or a message above its limit is nacked, and the stream goes on', async () => {
  const { hub, parts } = await connected();
  const fat = testHead({ operation: { initiatedBy: 'x'.repeat(70_000) } });
  send(hub, desiredMessages(null, testSet({ epoch: 1, generation: 1 }, [{ head: fat }])));
  expect(await said(hub, 'DesiredNack')).toMatchObject({ generation: 1, reason: 'size' });
  const body = testBody({ destinationNamespace: 'x'.repeat(1_000_000) });
  send(hub, desiredMessages(null, testSet({ epoch: 1, generation: 2 }, [{ head: testHead(), body }])));
  expect(await said(hub, 'DesiredNack', 2)).toMatchObject({ generation: 2, reason: 'size' });
  send(
    hub,
    desiredMessages(null, testSet({ epoch: 1, generation: 3 }, [{ head: testHead({ target: 'me' }) }])),
  );
  expect(await said(hub, 'DesiredNack', 3)).toMatchObject({ generation: 3, reason: 'malformed' });
  expect(parts.events).toEqual([]);
  const set = testSet({ epoch: 1, generation: 4 }, [{ head: testHead() }]);
  send(hub, desiredMessages(null, set));
  expect(await said(hub, 'DesiredAck')).toMatchObject(set.mark);
});

test('a full disk nacks the set, the mark stays, and the same set is accepted once there is room', async () => {
  const { hub, parts } = await connected();
  const set = testSet({ epoch: 1, generation: 1 }, [{ head: testHead() }]);
  parts.snapshot.fail = new DiskFullError('snapshot', null);
  send(hub, desiredMessages(null, set));
  expect(await said(hub, 'DesiredNack')).toMatchObject({ reason: 'disk' });
  expect(parts.secret.mark()).toBeNull();
  parts.snapshot.fail = null;
  send(hub, desiredMessages(null, set));
  expect(await said(hub, 'DesiredAck')).toMatchObject(set.mark);
});

test('an older generation or epoch changes nothing: the mark never goes back', async () => {
  const { hub, parts } = await connected();
  const head = testHead();
  const newer = testSet({ epoch: 2, generation: 7 }, [{ head }]);
  const older = testSet({ epoch: 2, generation: 6 }, []);
  const olderEpoch = testSet({ epoch: 1, generation: 99 }, []);
  send(hub, [
    ...desiredMessages(null, newer),
    ...desiredMessages(null, older),
    ...desiredMessages(null, olderEpoch),
    { type: 'Checkpoint', checkpoint: checkpointOf(1n) },
  ]);
  await said(hub, 'Stored');
  expect(hub.received.filter(({ type }) => type === 'DesiredAck').length).toBe(1);
  expect(parts.secret.mark()).toMatchObject({ epoch: 2, generation: 7 });
  expect(parts.events).toEqual(['snapshot 2.7', 'mark 2.7']);
  expect(hub.received.filter(({ type }) => type === 'DesiredNack').length).toBe(2);
});

test('a delta whose ack was lost is acked again and not written again', async () => {
  const { hub, parts } = await connected();
  const set = testSet({ epoch: 1, generation: 2 }, [{ head: testHead() }]);
  const delta = desiredMessages(null, set).map((message) => ({ ...message, complete: false }) as HubMessage);
  send(hub, [...desiredMessages(null, set), ...delta]);
  expect(await said(hub, 'DesiredAck', 2)).toMatchObject(set.mark);
  expect(parts.events).toEqual(['snapshot 1.2', 'mark 1.2']);
});

test('an entry that cannot be honoured is its own error, and the rest of the set is in force', async () => {
  const { hub, parts } = await connected();
  const good = testHead();
  const bad = testHead({ assignment: -5 });
  const set = testSet({ epoch: 1, generation: 1 }, [{ head: good }, { head: bad }]);
  send(hub, desiredMessages(null, set));
  const ack = await said(hub, 'DesiredAck');
  expect(ack).toMatchObject({ errors: [{ target: bad.target }] });
  expect(parts.accepted[0]?.entries.map(({ target }) => target)).toEqual([good.target]);
});

test('where the mark cannot be kept nothing is acked, and the next session finishes what was begun', async () => {
  const { hub, parts } = await connected();
  const set = testSet({ epoch: 1, generation: 1 }, [{ head: testHead() }]);
  parts.secret.fail = new KubeError('Unavailable', 'no answer');
  send(hub, desiredMessages(null, set));
  await vi.waitFor(() => expect(parts.events).toEqual(['snapshot 1.1']));
  parts.secret.fail = null;
  startSession(parts);
  await waitForSessions(hub, 2);
  expect(hub.received.some(({ type }) => type === 'DesiredAck')).toBe(false);
  expect(hub.sessions[1]?.received[0]).toMatchObject({ type: 'Hello', mark: set.mark, held: set.mark });
  expect(parts.accepted.length).toBe(1);
});

test('a crash between snapshot and mark is finished by the next process', async () => {
  const { hub, parts } = await connected();
  const set = testSet({ epoch: 1, generation: 1 }, [{ head: testHead() }]);
  parts.secret.fail = new KubeError('Unavailable', 'killed here');
  send(hub, desiredMessages(null, set));
  await vi.waitFor(() => expect(parts.events).toEqual(['snapshot 1.1']));
  parts.secret.fail = null;
  const restarted = await parts.restart();
  await restarted.acceptor.settle();
  expect(restarted.secret.mark()).toEqual(set.mark);
  expect(restarted.accepted.map(({ mark }) => mark)).toEqual([set.mark]);
});

test('a snapshot below the mark is never applied', async () => {
  const { hub, parts } = await connected();
  const set = testSet({ epoch: 1, generation: 1 }, [{ head: testHead() }]);
  send(hub, desiredMessages(null, set));
  await said(hub, 'DesiredAck');
  await parts.secret.advanceMark({ epoch: 1, generation: 5, digest: 'ee'.repeat(32) });
  const restarted = await parts.restart();
  await restarted.acceptor.settle();
  expect(restarted.acceptor.held()).toBeNull();
  expect(restarted.accepted).toEqual([]);
});

function checkpointOf(seq: bigint) {
  return { seq, hash: 'aa'.repeat(32), at: new Date(0), signature: new Uint8Array([1]), keyId: 'k' };
}
