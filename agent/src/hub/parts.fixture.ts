/** An agent's parts without a cluster: a Secret in memory, everything else real, on a folder of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { randomUUID } from 'node:crypto';
import type { AckedMark } from '@flotilla/domain/desired/mark';
import { compareMarks } from '@flotilla/domain/desired/mark';
import type { DesiredSet } from '@flotilla/domain/desired/set';
import { systemClock } from '../clock.ts';
import type { Log } from '../log.ts';
import { createCommands } from '../ops/commands.ts';
import type { CarryOut } from '../ops/commands.ts';
import { AnswerError } from '../ops/answer.ts';
import type { ReportQueue } from '../report/queue.ts';
import { createReportQueue } from '../report/queue.ts';
import type { Reporter } from '../report/reporter.ts';
import { createReporter } from '../report/reporter.ts';
import type { BundleStore } from '../state/bundles.ts';
import { openBundleStore } from '../state/bundles.ts';
import type { FactRing } from '../state/facts.ts';
import { openFactRing } from '../state/facts.ts';
import { newSealKey } from '../state/seal.ts';
import type { AgentSecret, SecretField } from '../state/secrets.ts';
import { MarkWentBackError } from '../state/secrets.ts';
import type { SnapshotFile } from '../state/snapshot.ts';
import { openSnapshotFile } from '../state/snapshot.ts';
import type { AcceptedSet, Acceptor } from './accept.ts';
import { createAcceptor } from './accept.ts';
import { storeCheckpoint } from './checkpoint.ts';
import type { Fetcher } from './fetcher.ts';
import { createFetcher } from './fetcher.ts';
import { workingHello } from './hello.ts';
import type { TestHub } from './hub.fixture.ts';
import { testHubId } from './hub.fixture.ts';
import { newIdentity } from './identity.ts';
import type { IdentityStore } from './identityStore.ts';
import { secretIdentityStore } from './identityStore.ts';
import { createCsr, generateKey } from './keys.ts';
import { snapshotToSet } from './snapshotSet.ts';
import type { StreamEnd } from './stream.ts';
import { runWorkingSession } from './workingSession.ts';

/** The Secret of `state/secrets.ts` without an API server. */
export function memorySecret(events: string[] = []): AgentSecret & { fail: Error | null } {
  const fields = new Map<SecretField, string>();
  const sealKey = newSealKey();
  const mark = (): AckedMark | null => {
    const text = fields.get('mark');
    return text === undefined ? null : (JSON.parse(text) as AckedMark);
  };
  const secret: AgentSecret & { fail: Error | null } = {
    fail: null,
    get: (field) => fields.get(field) ?? null,
    update: (changes) => {
      for (const [field, value] of Object.entries(changes)) {
        if (value === null) fields.delete(field as SecretField);
        else fields.set(field as SecretField, value);
      }
      return Promise.resolve();
    },
    mark,
    advanceMark: async (offered) => {
      await Promise.resolve();
      if (secret.fail) throw secret.fail;
      const held = mark();
      if (held !== null && compareMarks(offered, held) < 0) throw new MarkWentBackError(held, offered);
      const { epoch, generation, digest } = offered;
      fields.set('mark', JSON.stringify({ epoch, generation, digest }));
      events.push(`mark ${String(epoch)}.${String(generation)}`);
    },
    sealKey: () => sealKey,
    reload: () => Promise.resolve(),
  };
  return secret;
}

export interface AgentParts {
  folder: string;
  /** What was made durable, in order. */
  events: string[];
  secret: AgentSecret & { fail: Error | null };
  store: IdentityStore;
  snapshot: SnapshotFile & { fail: Error | null };
  bundles: BundleStore;
  facts: FactRing;
  queue: ReportQueue;
  reporter: Reporter;
  fetcher: Fetcher;
  acceptor: Acceptor;
  accepted: AcceptedSet[];
  arrived: string[];
  /** Why bundles could not be had, in order. */
  failed: string[];
  log: Log;
  /** Runs one working session until it ends or is left. */
  session(): { ended: Promise<StreamEnd>; leave(): void };
  /** Reads everything from disk again, as a new process does. */
  restart(): Promise<AgentParts>;
  close(): Promise<void>;
}

export interface PartsOptions {
  hub: TestHub;
  carryOut?: CarryOut;
  log?: Log;
}

/** Enrolled at the hub, with an empty disk. */
export async function openParts(options: PartsOptions): Promise<AgentParts> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'agent-parts-'));
  const events: string[] = [];
  const secret = memorySecret(events);
  const store = secretIdentityStore(secret);
  const keyPem = await generateKey();
  await store.write({
    ...newIdentity(keyPem),
    chainPem: await options.hub.ca.signAgent(createCsr(keyPem)),
    membership: { clusterId: randomUUID(), hubId: testHubId, grpcUrl: options.hub.grpcUrl },
    trustBundle: { version: 1, certificates: [options.hub.ca.pem] },
  });
  return openOn(options, folder, events, secret);
}

async function openOn(
  options: PartsOptions,
  folder: string,
  events: string[],
  secret: AgentParts['secret'],
): Promise<AgentParts> {
  const clock = systemClock();
  const log = options.log ?? quietLog();
  const random = Math.random;
  const snapshot = await openRecordedSnapshot(folder, secret, events);
  const held = await readHeld(snapshot, secret);
  const bundles = await openBundleStore(folder, secret.sealKey());
  const facts = await openFactRing({ folder, clock });
  const queue = createReportQueue();
  const reporter = createReporter({ queue, facts, clock, random, log });
  const arrived: string[] = [];
  const failed: string[] = [];
  const fetcher = createFetcher({
    bundles,
    clock,
    random: () => 0.01,
    log,
    onArrived: (digest) => arrived.push(digest),
    onFailed: (_digest, reason) => failed.push(reason),
  });
  const accepted: AcceptedSet[] = [];
  const acceptor = acceptorOf({ secret, snapshot, held, accepted, fetcher, log });
  const parts: AgentParts = {
    folder,
    events,
    secret,
    store: secretIdentityStore(secret),
    snapshot,
    bundles,
    facts,
    queue,
    reporter,
    fetcher,
    acceptor,
    accepted,
    arrived,
    failed,
    log,
    session: () => startSession(parts, options),
    restart: () => openOn(options, folder, events, secret),
    close: () => rm(folder, { recursive: true, force: true }),
  };
  return parts;
}

async function openRecordedSnapshot(
  folder: string,
  secret: AgentSecret,
  events: string[],
): Promise<AgentParts['snapshot']> {
  const file = await openSnapshotFile(folder, secret.sealKey());
  const snapshot: AgentParts['snapshot'] = {
    fail: null,
    read: () => file.read(),
    write: async (written) => {
      if (snapshot.fail) throw snapshot.fail;
      await file.write(written);
      events.push(`snapshot ${String(written.epoch)}.${String(written.generation)}`);
    },
  };
  return snapshot;
}

async function readHeld(snapshot: SnapshotFile, secret: AgentSecret): Promise<DesiredSet | null> {
  const reading = await snapshot.read();
  const read = reading.found === 'yes' ? snapshotToSet(reading.snapshot) : null;
  const mark = secret.mark();
  return read !== null && mark !== null && compareMarks(read.mark, mark) < 0 ? null : read;
}

function acceptorOf(parts: {
  secret: AgentSecret;
  snapshot: SnapshotFile;
  held: DesiredSet | null;
  accepted: AcceptedSet[];
  fetcher: Fetcher;
  log: Log;
}): Acceptor {
  return createAcceptor({
    ...parts,
    mark: () => parts.secret.mark(),
    advanceMark: (mark) => parts.secret.advanceMark(mark),
    mayAccept: () => true,
    onAccepted: (set) => {
      parts.accepted.push(set);
      parts.fetcher.want(set.entries.map(({ target, head }) => ({ target, digest: head.bundle.digest })));
    },
  });
}

function startSession(
  parts: AgentParts,
  options: PartsOptions,
): { ended: Promise<StreamEnd>; leave(): void } {
  const leaving = new AbortController();
  const clock = systemClock();
  const refuse: CarryOut = () => {
    throw new AnswerError('unsupported', 'nothing is carried out here');
  };
  const cluster = { clusterUid: randomUUID(), kubernetes: 'v1.36.3', facts: {} };
  const pod = { instance: randomUUID(), leaseUid: '', leaseTransitions: 0n, trustBundleVersion: 1 };
  const ended = runWorkingSession(
    {
      ...parts,
      clock,
      random: Math.random,
      commands: createCommands({ carryOut: options.carryOut ?? refuse, clock, log: parts.log }),
      storeCheckpoint: (checkpoint) => storeCheckpoint(parts.secret, checkpoint),
      onWelcome: () => undefined,
      hello: () =>
        workingHello(
          pod,
          {
            incarnation: parts.facts.incarnation(),
            mark: parts.secret.mark(),
            held: parts.acceptor.held()?.mark ?? null,
            observedDigest: parts.queue.observedDigest(),
            inventoryDigest: null,
            lastCheckpoint: null,
          },
          cluster,
          'test',
          Date.now(),
        ),
    },
    leaving.signal,
  );
  return { ended, leave: () => leaving.abort(new Error('left')) };
}

function quietLog(): Log {
  const swallow = (): void => undefined;
  return { debug: swallow, info: swallow, warn: swallow, error: swallow };
}
