/**
 * A certificate that expired while the hub was away is renewed over HTTPS: a request signed by a key that the cluster is
 * bound to is proof enough. A hub that came back from a backup may know only the key before; then that one is used again.
 */
import type { Renewal, RenewRequest } from '@flotilla/proto/enrolment';
import { readRenewal } from '@flotilla/proto/enrolment';
import type { EnrolledIdentity } from './identity.ts';
import { validityOf, withFallback, withRenewedChain, withTrustBundle } from './identity.ts';
import type { IdentityStore } from './identityStore.ts';
import type { PostToHub } from './enrol.ts';
import { createCsrPem } from './keys.ts';

export interface RenewOptions {
  hubUrl: URL;
  pinSha256: string | null;
  store: IdentityStore;
  post: PostToHub;
}

export type RenewOutcome =
  | { outcome: 'renewed'; identity: EnrolledIdentity }
  /** Revoked, quarantined or not known: the hub does not say which. */
  | { outcome: 'refused'; status: number }
  | { outcome: 'unreachable'; reason: string };

export function isExpired(identity: EnrolledIdentity, nowMs: number): boolean {
  return validityOf(identity.chainPem).notAfterMs <= nowMs;
}

/**
 * When to ask for the next certificate: at half of its life, ± 10 % of that life, so that a fleet that enrolled together
 * does not renew together. `random` is in [0, 1).
 */
export function renewAtMs(validity: { notBeforeMs: number; notAfterMs: number }, random: number): number {
  const lifeMs = validity.notAfterMs - validity.notBeforeMs;
  return validity.notBeforeMs + lifeMs * (0.4 + 0.2 * random);
}

/** Rejects with HubUnreachableError, or with WireError or IdentityError where the answer does not fit. */
export async function renewByHttps(
  options: RenewOptions,
  identity: EnrolledIdentity,
  signal: AbortSignal,
): Promise<RenewOutcome> {
  const current = await ask(options, identity, identity.keyPem, signal);
  if (current.outcome !== 'refused' || identity.previousKeyPem === null) {
    return keep(options, identity, current, withRenewedChain);
  }
  const previous = await ask(options, identity, identity.previousKeyPem, signal);
  return keep(options, identity, previous, withFallback);
}

type Answered = { outcome: 'signed'; renewal: Renewal } | Exclude<RenewOutcome, { outcome: 'renewed' }>;

async function ask(
  options: RenewOptions,
  identity: EnrolledIdentity,
  keyPem: string,
  signal: AbortSignal,
): Promise<Answered> {
  const request: RenewRequest = { clusterId: identity.membership.clusterId, csr: createCsrPem(keyPem) };
  const trust = { pinSha256: options.pinSha256, roots: identity.trustBundle.certificates };
  const answer = await options.post(new URL('/api/v1/agents/renew', options.hubUrl), request, trust, signal);
  if (answer.status >= 500)
    return { outcome: 'unreachable', reason: `the hub answered ${String(answer.status)}` };
  if (answer.status >= 300) return { outcome: 'refused', status: answer.status };
  return { outcome: 'signed', renewal: readRenewal(answer.body) };
}

async function keep(
  options: RenewOptions,
  identity: EnrolledIdentity,
  answered: Answered,
  apply: (identity: EnrolledIdentity, chainPem: string) => EnrolledIdentity,
): Promise<RenewOutcome> {
  if (answered.outcome !== 'signed') return answered;
  const renewed = apply(identity, answered.renewal.certificateChain);
  const trusting = withTrustBundle(renewed, answered.renewal.trustBundle) ?? renewed;
  await options.store.write(trusting);
  return { outcome: 'renewed', identity: trusting };
}
