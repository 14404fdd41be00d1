/**
 * Stays connected: one stream after the other, with full jitter between them, and what the hub asks for is honoured. A
 * certificate that has expired, or that the hub no longer takes, is first renewed over HTTPS.
 */
import { WireError } from '@flotilla/proto/wireError';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { reconnectBackoff, refusedBackoff, retryDelayMs } from './backoff.ts';
import { identityOf } from './credentials.ts';
import { HubUnreachableError } from './https.ts';
import { IdentityError } from './identity.ts';
import type { IdentityStore } from './identityStore.ts';
import type { RenewOutcome } from './renew.ts';
import { isExpired } from './renew.ts';
import type { StreamEnd } from './stream.ts';

export interface ConnectOptions {
  store: IdentityStore;
  /** Renews the certificate over HTTPS. */
  renew(signal: AbortSignal): Promise<RenewOutcome>;
  /** Opens one stream and resolves with its end. */
  openSession(signal: AbortSignal): Promise<StreamEnd>;
  clock: Clock;
  random: () => number;
  log: Log;
}

/** A session that lasted this long was a good one. */
const goodSessionMs = 60_000;
/** The stream cannot be opened, whatever the reason: now and then ask whether it is the certificate or a root. */
const renewEveryFailures = 5;

/** Resolves when aborted. */
export async function stayConnected(options: ConnectOptions, signal: AbortSignal): Promise<void> {
  let failures = 0;
  let doubted = false;
  while (!signal.aborted) {
    if (doubted || isExpired(identityOf(options.store), options.clock.nowMs())) {
      failures += 1;
      doubted = false;
      const waitMs = await renew(options, failures, signal);
      if (waitMs > 0) await options.clock.sleep(waitMs, signal).catch(() => undefined);
      if (waitMs > 0) continue;
    }
    const startedMs = options.clock.monotonicMs();
    const end = await options.openSession(signal);
    if (signal.aborted) return;
    failures = options.clock.monotonicMs() - startedMs >= goodSessionMs ? 1 : failures + 1;
    doubted = isDoubtful(end, failures);
    const waitMs = waitAfter(end, failures, options.random());
    options.log.info({ ...end, failures, waitMs }, 'stream ended');
    await options.clock.sleep(waitMs, signal).catch(() => undefined);
  }
}

/** Milliseconds before the next stream. `failures` counts this end, `random` is in [0, 1). */
export function waitAfter(end: StreamEnd, failures: number, random: number): number {
  switch (end.reason) {
    case 'drained':
      return retryDelayMs(reconnectBackoff, 1, random, end.retryAfterMs);
    case 'refused':
      return retryDelayMs(
        end.refused === 'displaced' ? reconnectBackoff : refusedBackoff,
        failures,
        random,
        end.retryAfterMs,
      );
    case 'stale':
    case 'lost':
      return retryDelayMs(reconnectBackoff, failures, random);
    case 'rotated':
    case 'left':
      return 0;
  }
}

function isDoubtful(end: StreamEnd, failures: number): boolean {
  if (end.reason !== 'lost') return false;
  return end.denied || failures % renewEveryFailures === 0;
}

/** Milliseconds to wait before anything else; 0 where the certificate is good now. */
async function renew(options: ConnectOptions, failures: number, signal: AbortSignal): Promise<number> {
  const outcome = await tryRenew(options, signal);
  if (outcome.outcome === 'renewed') {
    options.log.info({}, 'certificate renewed over https');
    return 0;
  }
  if (signal.aborted) return 0;
  const backoff = outcome.outcome === 'refused' ? refusedBackoff : reconnectBackoff;
  const waitMs = Math.max(1, retryDelayMs(backoff, failures, options.random()));
  options.log.warn({ ...outcome, failures, waitMs }, 'certificate not renewed');
  return waitMs;
}

async function tryRenew(options: ConnectOptions, signal: AbortSignal): Promise<RenewOutcome> {
  try {
    return await options.renew(signal);
  } catch (error) {
    if (signal.aborted) return { outcome: 'unreachable', reason: 'aborted' };
    if (
      error instanceof HubUnreachableError ||
      error instanceof IdentityError ||
      error instanceof WireError
    ) {
      return { outcome: 'unreachable', reason: error.message };
    }
    throw error;
  }
}
