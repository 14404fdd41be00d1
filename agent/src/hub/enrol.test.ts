/** Enrolment and renewal against a real HTTPS server: whom an agent believes, what it stores first, and what it repeats. */
import 'reflect-metadata';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { randomUUID } from 'node:crypto';
import type { EnrolRequest, RenewRequest } from '@flotilla/proto/enrolment';
import { Pkcs10CertificateRequest } from '@peculiar/x509';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../log.ts';
import { systemClock } from '../clock.ts';
import { stayConnected } from './connect.ts';
import { enrol } from './enrol.ts';
import type { EnrolOptions } from './enrol.ts';
import { postJson } from './https.ts';
import type { TestHub } from './hub.fixture.ts';
import { createTestCa, startTestHub, testHubId } from './hub.fixture.ts';
import { isEnrolled } from './identity.ts';
import { identityOf } from './credentials.ts';
import { secretIdentityStore } from './identityStore.ts';
import { certificateSha256, createCsrPem, generateKey } from './keys.ts';
import { memorySecret } from './parts.fixture.ts';
import { renewByHttps } from './renew.ts';

const clusterId = randomUUID();
let hub: TestHub;
let folder: string;

beforeEach(async () => {
  hub = await startTestHub();
  folder = await mkdtemp(path.join(os.tmpdir(), 'enrol-'));
  await writeFile(path.join(folder, 'token'), 'flt_reg_test\n');
});
afterEach(async () => {
  await hub.close();
  await rm(folder, { recursive: true });
});

/** Waits nowhere: back-off is not what is tested here. */
const impatient = { ...systemClock(), sleep: () => Promise.resolve() };

function options(change: Partial<EnrolOptions> = {}): EnrolOptions {
  return {
    hubUrl: hub.httpUrl,
    pinSha256: certificateSha256(hub.ca.pem),
    tokenFile: path.join(folder, 'token'),
    clusterUid: randomUUID(),
    store: secretIdentityStore(memorySecret()),
    post: postJson,
    clock: impatient,
    random: () => 0,
    log: silentLog(),
    ...change,
  };
}

async function enrolment(csr: string, life?: { fromMs: number; toMs: number }) {
  return {
    status: 200,
    body: {
      clusterId,
      hubId: testHubId,
      grpcUrl: hub.grpcUrl,
      certificateChain: await hub.ca.signAgent(csr, life),
      trustBundle: { version: 1, certificates: [hub.ca.pem] },
    },
  };
}

function never(): AbortSignal {
  return new AbortController().signal;
}

/** Ends a loop that would go on for ever, after its second try. */
function untilSecondTry(): { signal: AbortSignal; clock: EnrolOptions['clock'] } {
  const controller = new AbortController();
  let slept = 0;
  const sleep = (): Promise<void> => {
    slept += 1;
    if (slept < 2) return Promise.resolve();
    controller.abort(new Error('enough'));
    return Promise.reject(new Error('enough'));
  };
  return { signal: controller.signal, clock: { ...systemClock(), sleep } };
}

test('a hub whose chain holds the pinned ca is believed, and the key is stored before it is asked for', async () => {
  const chosen = options();
  let keyWhenAsked: string | null = null;
  hub.behaviour.answerHttps = (_path, body: EnrolRequest) => {
    keyWhenAsked = chosen.store.read()?.keyPem ?? null;
    expect(body.token).toBe('flt_reg_test');
    return enrolment(body.csr);
  };
  const identity = await enrol(chosen, never());
  expect(identity.membership).toEqual({ clusterId, hubId: testHubId, grpcUrl: hub.grpcUrl });
  expect(keyWhenAsked).toBe(identity.keyPem);
  expect(isEnrolled(chosen.store.read())).toBe(true);
});

test('a server with another ca gets no token', async () => {
  const other = await createTestCa('someone else');
  const { signal, clock } = untilSecondTry();
  await expect(enrol(options({ pinSha256: certificateSha256(other.pem), clock }), signal)).rejects.toThrow(
    'enough',
  );
  expect(hub.https).toEqual([]);
});

test('a trust bundle without the pinned ca is refused, also from a server that is believed', async () => {
  const other = await createTestCa('someone else');
  hub.behaviour.answerHttps = async (_path, body: EnrolRequest) => {
    const good = await enrolment(body.csr);
    return { status: 200, body: { ...good.body, trustBundle: { version: 1, certificates: [other.pem] } } };
  };
  const { signal, clock } = untilSecondTry();
  const chosen = options({ clock });
  await expect(enrol(chosen, signal)).rejects.toThrow('enough');
  expect(isEnrolled(chosen.store.read())).toBe(false);
});

test('a certificate over another key is refused', async () => {
  hub.behaviour.answerHttps = async () => enrolment(createCsrPem(await generateKey()));
  const { signal, clock } = untilSecondTry();
  const chosen = options({ clock });
  await expect(enrol(chosen, signal)).rejects.toThrow('enough');
  expect(isEnrolled(chosen.store.read())).toBe(false);
});

test('pending and refusal are asked again, with the same key, until there is a certificate', async () => {
  const keys: string[] = [];
  hub.behaviour.answerHttps = (_path, body: EnrolRequest) => {
    keys.push(publicPartOf(body.csr));
    if (keys.length === 1) return Promise.resolve({ status: 202, body: { retryAfter: 1 } });
    if (keys.length === 2) return Promise.resolve({ status: 403, body: { title: 'refused' } });
    return enrolment(body.csr);
  };
  await enrol(options(), never());
  expect(keys.length).toBe(3);
  expect(new Set(keys).size).toBe(1);
});

test('a crash between the reply and storing it repeats the request with the same key', async () => {
  const secret = memorySecret();
  const store = secretIdentityStore(secret);
  const keys: string[] = [];
  hub.behaviour.answerHttps = (_path, body: EnrolRequest) => {
    keys.push(publicPartOf(body.csr));
    return enrolment(body.csr);
  };
  const crashing = {
    ...store,
    write: (identity: Parameters<typeof store.write>[0]) => {
      if (identity.chainPem !== null) throw new Error('killed here');
      return store.write(identity);
    },
  };
  await expect(enrol(options({ store: crashing }), never())).rejects.toThrow('killed here');
  await enrol(options({ store }), never());
  expect(new Set(keys).size).toBe(1);
});

test('an enrolled agent asks nobody, and needs no token', async () => {
  hub.behaviour.answerHttps = (_path, body: EnrolRequest) => enrolment(body.csr);
  const chosen = options();
  await enrol(chosen, never());
  await enrol({ ...chosen, tokenFile: null }, never());
  expect(hub.https.length).toBe(1);
});

test('an expired certificate is renewed over https before a stream is opened', async () => {
  const chosen = options();
  hub.behaviour.answerHttps = async (called, body: EnrolRequest & RenewRequest) => {
    if (called.endsWith('/enroll')) return enrolment(body.csr, { fromMs: -7_200_000, toMs: -60_000 });
    const { body: whole } = await enrolment(body.csr);
    return {
      status: 200,
      body: { certificateChain: whole.certificateChain, trustBundle: whole.trustBundle },
    };
  };
  const expired = await enrol(chosen, never());
  const leaving = new AbortController();
  const opened: string[] = [];
  await stayConnected(
    {
      ...chosen,
      renew: (signal) => renewByHttps(chosen, identityOf(chosen.store), signal),
      openSession: () => {
        opened.push(identityOf(chosen.store).chainPem);
        leaving.abort(new Error('seen'));
        return Promise.resolve({ reason: 'left' });
      },
    },
    leaving.signal,
  );
  expect(hub.https.map(({ path: called }) => called)).toEqual([
    '/api/v1/agents/enroll',
    '/api/v1/agents/renew',
  ]);
  expect(hub.https[1]?.body).toMatchObject({ clusterId });
  expect(opened.length).toBe(1);
  expect(opened[0]).not.toBe(expired.chainPem);
});

test('a hub that knows only the key before gets that one again', async () => {
  const chosen = options();
  hub.behaviour.answerHttps = (_path, body: EnrolRequest) => enrolment(body.csr);
  const enrolled = await enrol(chosen, never());
  const nextKey = await generateKey();
  await chosen.store.write({ ...enrolled, keyPem: nextKey, previousKeyPem: enrolled.keyPem });
  hub.https.length = 0;
  hub.behaviour.answerHttps = async (_path, body: RenewRequest) => {
    if (hub.https.length === 1) return { status: 403, body: {} };
    const { body: whole } = await enrolment(body.csr);
    return {
      status: 200,
      body: { certificateChain: whole.certificateChain, trustBundle: whole.trustBundle },
    };
  };
  const outcome = await renewByHttps(chosen, identityOf(chosen.store), never());
  expect(outcome.outcome).toBe('renewed');
  expect(identityOf(chosen.store)).toMatchObject({ keyPem: enrolled.keyPem, previousKeyPem: nextKey });
});

function publicPartOf(csrPem: string): string {
  return Buffer.from(new Pkcs10CertificateRequest(csrPem).publicKey.rawData).toString('hex');
}
