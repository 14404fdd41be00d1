/**
 * Keeps a look at the fleet up to date without burdening its hub: the event stream says when and where something is new,
 * and between two looks there is time. A hub that is away is told once, asked again and again, and told when it is back.
 */
import type { FlotillaClient } from '@flotilla/client/client';
import { pause } from '@flotilla/client/pause';
import { lookAtFleet, nothingSeen, type FleetSight } from './sight.ts';

export interface WatchNews {
  seen: (sight: FleetSight) => void;
  /** Since when, by this process's clock; null: it is back. */
  hubAway?: (sinceMs: number | null) => void;
}

/** At most twice a second, and no more than a fifth of the time. */
const gapMinMs = 500;
const restShare = 4;
/** Without any event: what no event tells, such as an agent that fell silent. */
const idleMs = 5000;
const streamAgainMs = 1000;

export class FleetWatch {
  last: FleetSight = nothingSeen;
  readonly #client: FlotillaClient;
  readonly #news: WatchNews;
  #changed = new Set<string>();
  /** Whether the next look is at everything: at first, now and then, and after the hub was away. */
  #isFull = true;
  #fullAtMs = 0;
  #awaySinceMs: number | null = null;
  #wake = Promise.withResolvers<void>();

  constructor(client: FlotillaClient, news: WatchNews) {
    this.#client = client;
    this.#news = news;
  }

  /** Until `done` says so of what was seen, or the signal. */
  async run(done: (sight: FleetSight) => boolean, signal: AbortSignal): Promise<void> {
    const ending = new AbortController();
    const listening = this.#listen(AbortSignal.any([signal, ending.signal]));
    try {
      while (!signal.aborted) {
        const startedMs = performance.now();
        const isHere = await this.#look();
        if (isHere && done(this.last)) return;
        await pause(Math.max(gapMinMs, restShare * (performance.now() - startedMs)), signal);
        if (isHere) await this.#untilNews(signal);
      }
    } finally {
      ending.abort();
      await listening;
    }
  }

  /** Looks as soon as may be: something was just done. */
  poke(): void {
    this.#wake.resolve();
  }

  async #untilNews(signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    void this.#wake.promise.then(() => woken.abort());
    await pause(idleMs, AbortSignal.any([signal, woken.signal]));
    this.#wake = Promise.withResolvers<void>();
  }

  async #look(): Promise<boolean> {
    const changed = this.#changed;
    const isFull = this.#isFull || performance.now() - this.#fullAtMs >= idleMs;
    this.#changed = new Set();
    try {
      this.last = await lookAtFleet(this.#client, this.last, isFull ? null : changed);
    } catch {
      this.#isFull = true;
      if (this.#awaySinceMs === null) this.#news.hubAway?.((this.#awaySinceMs = Date.now()));
      return false;
    }
    if (isFull) this.#fullAtMs = performance.now();
    this.#isFull = false;
    if (this.#awaySinceMs !== null) this.#news.hubAway?.(null);
    this.#awaySinceMs = null;
    this.#news.seen(this.last);
    return true;
  }

  /** A stream that ends is opened again; the looks go on without it. */
  async #listen(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        for await (const { type, data } of this.#client.events({ signal, onReconnect: () => this.poke() })) {
          if (type === 'status')
            for (const id of (data as { applications?: string[] }).applications ?? []) this.#changed.add(id);
          this.poke();
        }
      } catch {
        this.poke();
      }
      await pause(streamAgainMs, signal);
    }
  }
}
