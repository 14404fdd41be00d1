/** Reports over a real stream: coalesced, acked, said again after a cut, facts once, and nothing under a stale fence. */
import { randomUUID } from 'node:crypto';
import { afterEach, expect, test, vi } from 'vitest';
import { hex, testState } from '../hub/desired.fixture.ts';
import type { TestHub } from '../hub/hub.fixture.ts';
import { startTestHub } from '../hub/hub.fixture.ts';
import type { AgentParts } from '../hub/parts.fixture.ts';
import { openParts } from '../hub/parts.fixture.ts';
import { observedDigest } from '@flotilla/proto/observedDigest';
import { sha256 } from '../state/sha256.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function opened(): Promise<{ hub: TestHub; parts: AgentParts }> {
  const hub = await startTestHub();
  const parts = await openParts({ hub });
  cleanups.push(hub.close, parts.close);
  return { hub, parts };
}

function startSession(parts: AgentParts) {
  const session = parts.session();
  cleanups.push(async () => {
    session.leave();
    await session.ended;
  });
  return session;
}

async function eventually(check: () => void): Promise<void> {
  await vi.waitFor(check, { timeout: 5000, interval: 10 });
}

function statesOf(hub: TestHub, fence?: bigint) {
  return hub.batches
    .filter((batch) => fence === undefined || batch.fence === fence)
    .flatMap((batch) => batch.states.map(({ target, seq, state }) => ({ target, seq, state: text(state) })));
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}

const applied = { type: 'Applied', assignment: 1, fromRevision: null, revision: 1, bundle: 'b' } as const;

test('changes of one moment are one state: the latest', async () => {
  const { hub, parts } = await opened();
  startSession(parts);
  await eventually(() => expect(hub.sessions.length).toBe(1));
  const target = randomUUID();
  for (let assignment = 1; assignment <= 50; assignment += 1)
    parts.reporter.onState(testState(target, { assignment }));
  await eventually(() => expect(statesOf(hub).at(-1)?.state).toContain('"assignment":50'));
  expect(statesOf(hub).length).toBeLessThan(3);
});

test('argocd-agent: a ceiling of some 10 events/s: here what a thousand targets change twenty times over is a few batches, and the latest arrives of each', async () => {
  const { hub, parts } = await opened();
  startSession(parts);
  await eventually(() => expect(hub.sessions.length).toBe(1));
  const targets = Array.from({ length: 1000 }, () => randomUUID());
  for (let assignment = 1; assignment <= 20; assignment += 1)
    for (const target of targets) parts.reporter.onState(testState(target, { assignment }));
  const latest = () => statesOf(hub).filter(({ state }) => state.includes('"assignment":20'));
  await eventually(() => expect(new Set(latest().map(({ target }) => target)).size).toBe(1000));
  expect(hub.batches.length).toBeLessThan(20);
});

test('the end of an operation is told at once, and what waited for neighbours goes with it', async () => {
  const { hub, parts } = await opened();
  const intervals = { reportDebounceMs: 60_000, heartbeatMs: 0, fullCheckMs: 0 };
  hub.behaviour.welcome = () => ({ intervals });
  startSession(parts);
  await eventually(() => expect(hub.sessions.length).toBe(1));
  parts.reporter.onState(testState(randomUUID(), { assignment: 1 }));
  parts.reporter.onState(testState(randomUUID(), { assignment: 2 }), true);
  await eventually(() => expect(statesOf(hub).length).toBe(2));
});

test('what changes while a batch is under way goes out with the next, which takes a new number', async () => {
  const { hub, parts } = await opened();
  const target = randomUUID();
  hub.behaviour.ackReport = (batch) => {
    // Changes twice between the batch and its ack.
    if (batch.batch === 1n) {
      parts.reporter.onState(testState(target, { assignment: 2 }));
      parts.reporter.onState(testState(target, { assignment: 3 }));
    }
    return { stale: false };
  };
  startSession(parts);
  parts.reporter.onState(testState(target, { assignment: 1 }));
  await eventually(() => expect(parts.queue.isEmpty() && hub.batches.length === 2).toBe(true));
  expect(hub.batches.map(({ batch }) => batch)).toEqual([1n, 2n]);
  expect(statesOf(hub).map(({ seq }) => seq)).toEqual([1n, 2n]);
  expect(statesOf(hub)[1]?.state).toContain('"assignment":3');
});

test('what was not acked when the stream broke is said again, as it is now and with seq from 1', async () => {
  const { hub, parts } = await opened();
  hub.behaviour.ackReport = () => null;
  const first = startSession(parts);
  const [one, two] = [randomUUID(), randomUUID()];
  parts.reporter.onState(testState(one));
  parts.reporter.onState(testState(two, { assignment: 1 }));
  await eventually(() => expect(statesOf(hub).length).toBe(2));
  hub.sessions[0]?.cut();
  expect(await first.ended).toMatchObject({ reason: 'lost' });
  parts.reporter.onState(testState(two, { assignment: 2 }));
  hub.behaviour.ackReport = () => ({ stale: false });
  startSession(parts);
  await eventually(() => expect(statesOf(hub, 2n).length).toBe(2));
  const again = statesOf(hub, 2n);
  expect(again.map(({ seq }) => seq)).toEqual([1n, 2n]);
  expect(again.find(({ target }) => target === two)?.state).toContain('"assignment":2');
});

test('where the hub holds what was acked nothing is sent after a reconnect, and where it does not everything is', async () => {
  const { hub, parts } = await opened();
  const first = startSession(parts);
  const state = testState(randomUUID());
  parts.reporter.onState(state);
  await eventually(() => expect(parts.queue.observedDigest()).not.toBeNull());
  first.leave();
  await first.ended;
  const digest = hex(hub.batches[0]?.states[0]?.state ?? new Uint8Array());
  const held = observedDigest([{ target: state.target, digest }], sha256);
  hub.behaviour.welcome = () => ({ observedDigest: held });
  const second = startSession(parts);
  await eventually(() => expect(hub.sessions.length).toBe(2));
  expect(hub.sessions[1]?.received[0]).toMatchObject({ type: 'Hello', observedDigest: held });
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(statesOf(hub, 2n)).toEqual([]);
  second.leave();
  await second.ended;
  hub.behaviour.welcome = () => ({ observedDigest: 'cc'.repeat(32) });
  startSession(parts);
  await eventually(() => expect(statesOf(hub, 3n).length).toBe(1));
});

test('a stale fence ends the session, and what it did not commit is said in the next', async () => {
  const { hub, parts } = await opened();
  hub.behaviour.ackReport = () => ({ stale: true });
  const session = startSession(parts);
  parts.reporter.onState(testState(randomUUID()));
  expect(await session.ended).toEqual({ reason: 'stale' });
  hub.behaviour.ackReport = () => ({ stale: false });
  startSession(parts);
  await eventually(() => expect(statesOf(hub, 2n).length).toBe(1));
});

test('facts are kept while the hub is away and each is acked once, in order', async () => {
  const { hub, parts } = await opened();
  for (let revision = 1; revision <= 3; revision += 1) {
    void parts.reporter.onFact({ ...applied, target: randomUUID(), revision });
  }
  const first = startSession(parts);
  await eventually(() => expect(parts.facts.pending(10)).toEqual([]));
  first.leave();
  await first.ended;
  hub.behaviour.welcome = () => ({ factNumber: 3n });
  startSession(parts);
  await eventually(() => expect(hub.sessions.length).toBe(2));
  void parts.reporter.onFact({ ...applied, target: randomUUID(), revision: 4 });
  await eventually(() => expect(parts.facts.pending(10)).toEqual([]));
  const numbers = hub.batches.flatMap(({ facts }) => facts.map(({ number }) => number));
  expect(numbers).toEqual([1n, 2n, 3n, 4n]);
});

test('facts that were committed and whose ack was lost are not sent again', async () => {
  const { hub, parts } = await opened();
  hub.behaviour.ackReport = () => null;
  void parts.reporter.onFact({ ...applied, target: randomUUID() });
  const first = startSession(parts);
  await eventually(() => expect(hub.batches.length).toBe(1));
  hub.sessions[0]?.cut();
  await first.ended;
  hub.behaviour.welcome = () => ({ factNumber: 1n });
  hub.behaviour.ackReport = () => ({ stale: false });
  startSession(parts);
  await eventually(() => expect(parts.facts.pending(10)).toEqual([]));
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(hub.batches.flatMap(({ facts }) => facts).length).toBe(1);
});

test('a ring below the number that the hub knows starts a new incarnation', async () => {
  const { hub, parts } = await opened();
  const incarnation = parts.facts.incarnation();
  void parts.reporter.onFact({ ...applied, target: randomUUID() });
  hub.behaviour.welcome = () => ({ factNumber: 40n });
  startSession(parts);
  await eventually(() => expect(hub.batches.length).toBe(1));
  expect(hub.batches[0]?.incarnation).not.toBe(incarnation);
  expect(hub.batches[0]?.facts.map(({ number }) => number)).toEqual([1n]);
});
