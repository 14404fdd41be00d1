/**
 * What the steps of the tour have in common: the fleet, what they see of it through the hub's API, and when. Whatever is
 * waited for has a bound, and what was seen last is told where it did not come.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import type { FlotillaClient } from '@flotilla/client/client';
import type { Target } from '@flotilla/client/types';
import pc from 'picocolors';
import type { Fleet } from '../start/fleet.ts';
import type { FleetCluster } from '../start/fleetCluster.ts';
import { say } from '../start/say.ts';
import { isSettled } from '../start/screen/mood.ts';
import { spellShort } from '../start/screen/text.ts';

export interface Observation {
  what: string;
  /** Since the step began. */
  afterMs: number;
}

/** What a step waited for did not come. */
export class NotSeenError extends Error {
  override readonly name = 'NotSeenError';
  readonly what: string;

  constructor(what: string, timeoutMs: number, last: unknown) {
    const seen = inspect(last, { depth: 5, breakLength: 100 });
    super(`not seen within ${timeoutMs / 1000} s: ${what}; last seen: ${seen}`);
    this.what = what;
  }
}

export interface TourOptions {
  fleet: Fleet;
  /** A cluster without an agent. */
  spare: FleetCluster;
  /** Of what a step starts by itself. */
  dir: string;
  /** How long anything is waited for. */
  timeoutMs: number;
  /** How much faster than usual a rollout rests between its waves. */
  speed: number;
  signal: AbortSignal;
}

/** `undefined`: not yet. `[state]` of the second kind is told where it never comes. */
export type Look<T> = () => Promise<{ found: T } | { yet: unknown }>;

const pollMs = 100;

export class Tour implements AsyncDisposable {
  readonly fleet: Fleet;
  readonly spare: FleetCluster;
  readonly dir: string;
  readonly speed: number;
  readonly #timeoutMs: number;
  readonly #signal: AbortSignal;
  /** What a step started beside the fleet. */
  readonly stack = new AsyncDisposableStack();
  #begunMs = performance.now();
  #seen: Observation[] = [];

  constructor({ fleet, spare, dir, timeoutMs, speed, signal }: TourOptions) {
    this.fleet = fleet;
    this.spare = spare;
    this.dir = dir;
    this.speed = speed;
    this.#timeoutMs = timeoutMs;
    this.#signal = signal;
  }

  get client(): FlotillaClient {
    return this.fleet.hub().client;
  }

  /** What is seen from now on belongs to the next step. */
  begin(): void {
    this.#begunMs = performance.now();
    this.#seen = [];
  }

  get seen(): readonly Observation[] {
    return this.#seen;
  }

  /** Tells it, with the time since the step began. */
  note(what: string): void {
    const afterMs = Math.round(performance.now() - this.#begunMs);
    this.#seen.push({ what, afterMs });
    say(`  ${pc.dim(`+${spellShort(afterMs)}`.padStart(9))}  ${what}`);
  }

  /** Waits until it is there. A hub that is away is a state like any other. */
  async until<T>(what: string, look: Look<T>): Promise<T> {
    const startedMs = performance.now();
    let last: unknown;
    while (performance.now() - startedMs < this.#timeoutMs) {
      this.#signal.throwIfAborted();
      const answer = await look().catch((error: unknown) => ({ yet: error }));
      if ('found' in answer) return answer.found;
      last = answer.yet;
      await delay(pollMs, undefined, { signal: this.#signal });
    }
    throw new NotSeenError(what, this.#timeoutMs, last);
  }

  /** Every target of the application is healthy with this commit; how many there are. */
  async settled(application: string, commit: string): Promise<number> {
    const count = await this.until(
      `${application} is everywhere at commit ${commit.slice(0, 7)}`,
      async () => {
        const { revision, revisionNumber, rollout, conditions } =
          await this.client.applications.get(application);
        const targets = await Array.fromAsync(this.client.applications.targets(application, { limit: 500 }));
        const missing = targets.filter(
          (target) => !isSettled(target) || target.revisionNumber !== revisionNumber,
        );
        const isThere = revision?.commit === commit && targets.length > 0 && missing.length === 0;
        return isThere
          ? { found: targets.length }
          : {
              yet: {
                commit: revision?.commit,
                state: revision?.state,
                revisionNumber,
                rollout,
                conditions,
                missing: missing.map(shortOf),
              },
            };
      },
    );
    return count;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack.disposeAsync();
  }
}

export function shortOf({ cluster, revisionNumber, sync, health, live }: Target): string {
  return `${cluster} ${revisionNumber ?? '-'} ${sync} ${health}${live ? '' : ' not heard'}`;
}
