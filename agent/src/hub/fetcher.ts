/**
 * Keeps the volume supplied: every bundle that an entry names is fetched, one after the other, for as long as there is a
 * connection, while its set is still being made durable. What failed is tried again with back-off, and at once with the next connection or set.
 */
import type { Digest } from '@flotilla/domain/digest/sha256';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { BundleStore } from '../state/bundles.ts';
import { reconnectBackoff, retryDelayMs } from './backoff.ts';
import type { SideCalls } from './connection.ts';
import type { Partial, WantedBundle } from './fetch.ts';
import { fetchBundle, FetchError } from './fetch.ts';

export interface FetcherOptions {
  bundles: BundleStore;
  /** A bundle is complete and verified on disk. */
  onArrived(digest: Digest): void;
  /** It could not be had this time, and why, for people to read; it is tried again. */
  onFailed(digest: Digest, reason: string): void;
  clock: Clock;
  random: () => number;
  log: Log;
}

export interface Fetcher {
  /** All bundles that are needed from now on. */
  want(bundles: WantedBundle[]): void;
  /** Fetches until aborted; by the calls of one session at a time. */
  run(side: SideCalls, signal: AbortSignal): Promise<void>;
}

interface Fetching extends FetcherOptions {
  wanted: Map<Digest, WantedBundle>;
  /** `wanted` is another one than the last pass saw. */
  changed: boolean;
  partial: { frame: Partial | null };
  wake: () => void;
}

export function createFetcher(options: FetcherOptions): Fetcher {
  const fetching: Fetching = {
    ...options,
    wanted: new Map(),
    changed: false,
    partial: { frame: null },
    wake: () => undefined,
  };
  return {
    want: (bundles) => {
      fetching.wanted = new Map(
        bundles
          .filter(({ digest }) => !options.bundles.isComplete(digest))
          .map((bundle) => [bundle.digest, bundle]),
      );
      fetching.changed = true;
      if (fetching.wanted.size > 0) fetching.wake();
    },
    run: (side, signal) => run(fetching, side, signal),
  };
}

async function run(fetching: Fetching, side: SideCalls, signal: AbortSignal): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    const failed = await fetchAll(fetching, side, signal);
    failures = failed ? failures + 1 : 0;
    await waitForWork(fetching, failures, signal);
  }
}

/** One pass over what is wanted; true where something failed. */
async function fetchAll(fetching: Fetching, side: SideCalls, signal: AbortSignal): Promise<boolean> {
  let failed = false;
  fetching.changed = false;
  for (const wanted of fetching.wanted.values()) {
    // A newer set came meanwhile: what is no longer needed is not fetched.
    if (fetching.changed) return failed;
    try {
      await fetchBundle({ bundles: fetching.bundles, side, partial: fetching.partial }, wanted, signal);
      fetching.wanted.delete(wanted.digest);
      fetching.log.info({ bundle: wanted.digest }, 'bundle arrived');
      fetching.onArrived(wanted.digest);
    } catch (error) {
      if (signal.aborted) return failed;
      failed = true;
      const reason = reasonOf(error);
      fetching.log.warn({ bundle: wanted.digest, target: wanted.target, reason }, 'bundle not fetched');
      fetching.onFailed(wanted.digest, reason);
    }
  }
  return failed;
}

/** Whose it is to mend comes first, as in the nack of a set: the volume, the hub, or what the hub sent. */
function reasonOf(error: unknown): string {
  if (error instanceof FetchError) return `${error.isFromHub ? 'hub' : 'bundle'}: ${error.message}`;
  return `disk: ${error instanceof Error ? error.message : String(error)}`;
}

/** Until something new is wanted; after a failure no longer than its back-off. */
async function waitForWork(fetching: Fetching, failures: number, signal: AbortSignal): Promise<void> {
  if (fetching.changed || signal.aborted) return;
  const woken = Promise.withResolvers<void>();
  fetching.wake = woken.resolve;
  const abort = (): void => woken.resolve();
  signal.addEventListener('abort', abort, { once: true });
  if (failures === 0) await woken.promise;
  else await noLongerThanBackoff(fetching, failures, woken.promise);
  signal.removeEventListener('abort', abort);
}

async function noLongerThanBackoff(
  { clock, random }: Fetching,
  failures: number,
  woken: Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const waitMs = retryDelayMs(reconnectBackoff, failures, random());
  await Promise.race([woken, clock.sleep(waitMs, stop.signal).catch(() => undefined)]);
  stop.abort();
}
