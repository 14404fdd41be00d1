/**
 * Enrolment: a token and a key become a cluster. The key is in the agent's Secret before the hub sees its public half,
 * and the hub gives the same cluster again for the same token and key: whatever crashes in between is repeated and
 * burns no use of the token.
 */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Enrolment, EnrolRequest } from '@flotilla/proto/enrolment';
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
  | { outcome: 'refused'; status: number }
  | { outcome: 'unreachable'; reason: string };

const trustBundleSchema = z.object({
  version: z.int().min(1),
  certificates: z.array(z.string().min(1)).min(1),
});

const enrolmentSchema: z.ZodType<Enrolment> = z.object({
  clusterId: z.uuid(),
  hubId: z.uuid(),
  certificateChain: z.string().min(1),
  trustBundle: trustBundleSchema,
  grpcUrl: z.url(),
});

const pendingSchema = z.object({ retryAfter: z.number().min(0) });

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
    if (error instanceof HubUnreachableError || error instanceof IdentityError || isFileError(error)) {
      return { outcome: 'unreachable', reason: error.message };
    }
    throw error;
  }
}

async function requestOf(options: EnrolOptions, identity: Identity): Promise<EnrolRequest> {
  if (options.tokenFile === null)
    throw new HubUnreachableError(options.hubUrl.href, 'AGENT_TOKEN_FILE is not set');
  const token = (await readFile(options.tokenFile, 'utf8')).trim();
  return { token, csr: await createCsrPem(identity.keyPem), clusterUid: options.clusterUid };
}

async function settle(options: EnrolOptions, identity: Identity, answer: HubAnswer): Promise<EnrolOutcome> {
  if (answer.status === 202) {
    const pending = pendingSchema.safeParse(answer.body);
    return { outcome: 'pending', retryAfterMs: (pending.data?.retryAfter ?? 30) * 1000 };
  }
  if (answer.status >= 500)
    return { outcome: 'unreachable', reason: `the hub answered ${String(answer.status)}` };
  if (answer.status >= 300) return { outcome: 'refused', status: answer.status };
  const enrolment = enrolmentSchema.safeParse(answer.body);
  if (!enrolment.success) return { outcome: 'unreachable', reason: 'the hub answered something else' };
  const enrolled = withEnrolment(identity, enrolment.data, options.pinSha256);
  await options.store.write(enrolled);
  return { outcome: 'enrolled', identity: enrolled };
}

function waitOf(result: EnrolOutcome, failures: number, random: number): number {
  if (result.outcome === 'pending')
    return retryDelayMs(reconnectBackoff, failures, random, result.retryAfterMs);
  if (result.outcome === 'refused') return retryDelayMs(refusedBackoff, failures, random);
  return retryDelayMs(reconnectBackoff, failures, random);
}

function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}
