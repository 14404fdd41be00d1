/**
 * A rollout as it changes, until it is closed. Events of the hub say when to look again at once; a look every two seconds
 * makes certain, so that who may not read events, or whose stream was cut, sees the same a little later.
 */
import type { FlotillaClient } from '@flotilla/client/client';
import { FlotillaApiError, FlotillaConnectionError } from '@flotilla/client/errors';
import type { RolloutDetail } from '@flotilla/client/rollouts';
import type { FleetEvent } from '@flotilla/client/types';

export interface RolloutSight {
  rollout: RolloutDetail;
  /** Since when the hub does not answer, in ms of the local clock; null: it does. */
  hubAwaySinceMs: number | null;
  /** What the hub's clock is ahead of the local one. */
  aheadMs: number;
}

export interface FollowOptions {
  client: FlotillaClient;
  rolloutId: string;
  signal: AbortSignal;
  now: () => Date;
}

const lookMs = 2_000;
/** Decisions that each look brings along. */
const decisions = 20;

/** The first sight at once, then each that differs. @throws where the hub says no */
export async function* followRollout(options: FollowOptions): AsyncGenerator<RolloutSight, void, undefined> {
  const { signal } = options;
  let sight = sightOf(await read(options), options.now());
  yield sight;
  const ended = new AbortController();
  const hints = listen(options, sight.rollout.applicationId, AbortSignal.any([signal, ended.signal]));
  try {
    while (!isClosed(sight.rollout) && !signal.aborted) {
      await hints.next(lookMs);
      if (signal.aborted) return;
      const next = await look(options, sight);
      const isNews = keyOf(next) !== keyOf(sight);
      sight = next;
      if (isNews) yield sight;
    }
  } finally {
    ended.abort();
  }
}

export function isClosed({ phase }: Pick<RolloutDetail, 'phase'>): boolean {
  return !['AwaitingSync', 'Queued', 'Running', 'Paused'].includes(phase);
}

function read({ client, rolloutId }: FollowOptions): Promise<RolloutDetail> {
  return client.rollout(rolloutId, { events: decisions, outcomes: false });
}

function sightOf(rollout: RolloutDetail, now: Date): RolloutSight {
  return { rollout, hubAwaySinceMs: null, aheadMs: Date.parse(rollout.readAt) - now.getTime() };
}

/** A hub that is away comes back: what was seen last is shown meanwhile. */
async function look(options: FollowOptions, before: RolloutSight): Promise<RolloutSight> {
  try {
    return sightOf(await read(options), options.now());
  } catch (error) {
    if (!isAway(error)) throw error;
    return { ...before, hubAwaySinceMs: before.hubAwaySinceMs ?? options.now().getTime() };
  }
}

function isAway(error: unknown): boolean {
  if (error instanceof FlotillaApiError) return error.status >= 500 || error.status === 429;
  return error instanceof FlotillaConnectionError;
}

/** Time passes without being news. */
function keyOf({ rollout, hubAwaySinceMs }: RolloutSight): string {
  return JSON.stringify([{ ...rollout, readAt: '', estimatedEndAt: '' }, hubAwaySinceMs]);
}

interface Hints {
  /** Resolves when something is said of the application, or after this time, or when it is over. */
  next: (withinMs: number) => Promise<void>;
}

function listen({ client }: FollowOptions, applicationId: string, signal: AbortSignal): Hints {
  let isHinted = false;
  let wake: () => void = () => undefined;
  const poke = () => {
    isHinted = true;
    wake();
  };
  signal.addEventListener('abort', poke, { once: true });
  void (async () => {
    try {
      for await (const event of client.events({ signal })) if (isAbout(event, applicationId)) poke();
    } catch {
      // Whoever may not read events looks every two seconds.
    }
  })();
  return {
    async next(withinMs) {
      if (!isHinted) {
        const woken = Promise.withResolvers<void>();
        wake = woken.resolve;
        const timer = setTimeout(woken.resolve, withinMs);
        await woken.promise;
        clearTimeout(timer);
      }
      isHinted = false;
    },
  };
}

function isAbout({ type, data }: FleetEvent, applicationId: string): boolean {
  if (type !== 'status') return false;
  const { applications = [] } = data as { applications?: string[] };
  return applications.includes(applicationId);
}
