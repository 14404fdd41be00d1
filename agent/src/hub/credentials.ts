/**
 * What the hub hands out on the stream: certificates, trust bundles, rotations. Each is in the Secret before it is
 * confirmed or used, so that a crash in between repeats a step and never loses a key.
 */
import type { TrustBundleJson } from '@flotilla/proto/enrolment';
import type { AgentMessage, KeySlot } from '@flotilla/proto/messages';
import type { Clock } from '../clock.ts';
import type { EnrolledIdentity } from './identity.ts';
import {
  isEnrolled,
  validityOf,
  withNextKey,
  withRenewedChain,
  withRotatedChain,
  withTrustBundle,
} from './identity.ts';
import type { IdentityStore } from './identityStore.ts';
import { createCsr, generateKey } from './keys.ts';
import { renewAtMs } from './renew.ts';

const sleepMaxMs = 15 * 60_000;
const askAgainMs = 60_000;

/** Throws where the agent is not enrolled: then there is no stream to be on. */
export function identityOf(store: IdentityStore): EnrolledIdentity {
  const identity = store.read();
  if (!isEnrolled(identity)) throw new Error('the agent is not enrolled');
  return identity;
}

/** Stores it; `rotated` asks for a new connection with the new key. Rejects with IdentityError. */
export async function acceptCertificate(
  store: IdentityStore,
  chainPem: string,
  slot: KeySlot,
): Promise<{ reply: AgentMessage; rotated: boolean }> {
  const identity = identityOf(store);
  const renewed =
    slot === 'next' ? withRotatedChain(identity, chainPem) : withRenewedChain(identity, chainPem);
  await store.write(renewed);
  const { serial } = validityOf(chainPem);
  return { reply: { type: 'Stored', stored: { what: 'certificate', serial } }, rotated: slot === 'next' };
}

/** Confirms the version that is stored, which an older bundle does not change. */
export async function acceptTrustBundle(
  store: IdentityStore,
  bundle: TrustBundleJson,
): Promise<AgentMessage> {
  const identity = identityOf(store);
  const changed = withTrustBundle(identity, bundle);
  if (changed !== null) await store.write(changed);
  const { version } = (changed ?? identity).trustBundle;
  return { type: 'Stored', stored: { what: 'trustBundle', version } };
}

/** The next key is stored before it is shown; one that was begun is gone on with. */
export async function beginRotation(store: IdentityStore): Promise<AgentMessage> {
  let identity = identityOf(store);
  if (identity.nextKeyPem === null) {
    identity = withNextKey(identity, await generateKey());
    await store.write(identity);
  }
  return { type: 'Renew', csr: createCsr(identity.nextKeyPem ?? identity.keyPem), slot: 'next' };
}

/** Asks for the next certificate when half of this one's life is over, and again until it has come. Ends when aborted. */
export async function renewForever(
  options: { store: IdentityStore; clock: Clock; random: () => number },
  send: (message: AgentMessage) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { store, clock } = options;
  while (!signal.aborted) {
    const { chainPem, keyPem } = identityOf(store);
    await sleepUntil(clock, renewAtMs(validityOf(chainPem), options.random()), signal);
    if (identityOf(store).chainPem !== chainPem) continue;
    await send({ type: 'Renew', csr: createCsr(keyPem), slot: 'current' });
    await clock.sleep(askAgainMs, signal);
  }
}

/** By the wall clock, in short steps: a machine that slept sees at once that it is late. */
async function sleepUntil(clock: Clock, atMs: number, signal: AbortSignal): Promise<void> {
  for (let leftMs = atMs - clock.nowMs(); leftMs > 0; leftMs = atMs - clock.nowMs()) {
    await clock.sleep(Math.min(leftMs, sleepMaxMs), signal);
  }
}
