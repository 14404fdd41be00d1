/**
 * Enrolment: a token and a key become a cluster. The key is in the agent's Secret before the hub sees its public half,
 * and the hub gives the same cluster again for the same token and key: whatever crashes in between is repeated and
 * burns no use of the token.
 */
import { readFile } from 'node:fs/promises';
import type { EnrolRequest } from '@flotilla/proto/enrolment';
import { readEnrolment, readPending } from '@flotilla/proto/enrolment';
import { WireError } from '@flotilla/proto/wireError';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { reconnectBackoff, refusedBackoff, retryDelayMs } from './backoff.ts';
import type { HubAnswer, HubTrust } from './https.ts';
import { HubUnreachableError } from './https.ts';
import type { EnrolledIdentity, Identity } from './identity.ts';
import { IdentityError, isEnrolled, newIdentity, withEnrolment } from './identity.ts';
import type { IdentityStore } from './identityStore.ts';
import { createCsrPem, generateKey } from './keys.ts';

export type PostToHub = (url: URL, body: unknown, trust: HubTrust, signal: AbortSignal) => Promise<HubAnswer>;

export interface EnrolOptions {
  hubUrl: URL;
  pinSha256: string | null;
  tokenFile: string | null;
  /** UID of the namespace kube-system. */
  clusterUid: string;
  store: IdentityStore;
  post: PostToHub;
  clock: Clock;
  random: () => number;
  log: Log;
}

export type EnrolOutcome =
  | { outcome: 'enrolled'; identity: EnrolledIdentity }
  /** A person has to approve; ask again. */
  | { outcome: 'pending'; retryAfterMs: number }
  /** Unknown, expired, used up or revoked: the hub does not say which. */
  | { outcome: 'refused'; status: number; reason: string }
  | { outcome: 'unreachable'; reason: string };

const refusedReason =
  'the hub does not take this token for this cluster: it is unknown, expired, used up or revoked; make a new one and put it into AGENT_TOKEN_FILE';

/** Goes on until it is enrolled; rejects when aborted. The token file is read each time: a person may mend it. */
export async function enrol(options: EnrolOptions, signal: AbortSignal): Promise<EnrolledIdentity> {
  const identity = await ensureKey(options.store);
  if (isEnrolled(identity)) return identity;
  for (let failures = 1; ; failures += 1) {
    const result = await askOnce(options, identity, signal);
    if (result.outcome === 'enrolled') return result.identity;
    const waitMs = waitOf(result, failures, options.random());
    options.log.warn({ ...result, waitMs }, 'not enrolled yet');
    await options.clock.sleep(waitMs, signal);
  }
}

/** The key exists in the Secret before anybody is asked to sign it. */
async function ensureKey(store: IdentityStore): Promise<Identity> {
  const stored = store.read();
  if (stored !== null) return stored;
  await store.write(newIdentity(await generateKey()));
  const written = store.read();
  if (written === null) throw new Error('the identity was written and cannot be read');
  return written;
}

async function askOnce(
  options: EnrolOptions,
  identity: Identity,
  signal: AbortSignal,
): Promise<EnrolOutcome> {
  try {
    const answer = await options.post(
      new URL('/api/v1/agents/enroll', options.hubUrl),
      await requestOf(options, identity),
      { pinSha256: options.pinSha256, roots: identity.trustBundle?.certificates ?? [] },
      signal,
    );
    return await settle(options, identity, answer);
  } catch (error) {
    if (signal.aborted) throw signal.reason as Error;
    if (!isExpected(error)) throw error;
    return { outcome: 'unreachable', reason: error.message };
  }
}

async function requestOf(options: EnrolOptions, identity: Identity): Promise<EnrolRequest> {
  if (options.tokenFile === null)
    throw new HubUnreachableError(options.hubUrl.href, 'AGENT_TOKEN_FILE is not set');
  const token = (await readFile(options.tokenFile, 'utf8')).trim();
  return { token, csr: createCsrPem(identity.keyPem), clusterUid: options.clusterUid };
}

async function settle(options: EnrolOptions, identity: Identity, answer: HubAnswer): Promise<EnrolOutcome> {
  if (answer.status === 202) {
    return { outcome: 'pending', retryAfterMs: readPending(answer.body).retryAfter * 1000 };
  }
  if (answer.status >= 500)
    return { outcome: 'unreachable', reason: `the hub answered ${String(answer.status)}` };
  if (answer.status >= 300) return { outcome: 'refused', status: answer.status, reason: refusedReason };
  const enrolled = withEnrolment(identity, readEnrolment(answer.body), options.pinSha256);
  await options.store.write(enrolled);
  return { outcome: 'enrolled', identity: enrolled };
}

function waitOf(result: EnrolOutcome, failures: number, random: number): number {
  if (result.outcome === 'pending')
    return retryDelayMs(reconnectBackoff, failures, random, result.retryAfterMs);
  if (result.outcome === 'refused') return retryDelayMs(refusedBackoff, failures, random);
  return retryDelayMs(reconnectBackoff, failures, random);
}

/** The hub is away or says what cannot be, or the token file cannot be read. */
function isExpected(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const known = [HubUnreachableError, IdentityError, WireError].some((kind) => error instanceof kind);
  return known || 'syscall' in error;
}
