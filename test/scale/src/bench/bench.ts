/**
 * What rows share: options, the hub with its Postgres, a fleet of simulated agents on it, and the raw floor. Each is started
 * when the first row asks for it; all end with the bench. Rounds: one is run first and discarded.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { root } from '@flotilla/testkit/root';
import { SimulatedFleet } from '../agents/fleet.ts';
import { startWorld, type World } from '../hub/world.ts';
import { writeFlameGraph } from '../profile/flameGraph.ts';
import { RawFleet } from '../raw/fleet.ts';
import type { BenchOptions } from './options.ts';

export interface FleetOfBench {
  world: World;
  fleet: SimulatedFleet;
}

export class Bench implements AsyncDisposable {
  readonly options: BenchOptions;
  readonly say: (text: string) => void;
  readonly #stack = new AsyncDisposableStack();
  #world: Promise<World> | null = null;
  #fleet: (FleetOfBench & AsyncDisposable) | null = null;
  #raw: Promise<RawFleet> | null = null;

  constructor(options: BenchOptions, say: (text: string) => void) {
    this.options = options;
    this.say = say;
    this.#stack.defer(() => this.#fleet?.[Symbol.asyncDispose]());
  }

  /** For rows that bring their own rows: a hub without agents. */
  world(): Promise<World> {
    this.#world ??= this.#startWorld();
    return this.#world;
  }

  async #startWorld(): Promise<World> {
    this.say('starting Postgres and a hub');
    return this.#stack.use(await startWorld());
  }

  /** So many agents, connected, with one application that is applied everywhere, on a hub of their own. */
  async fleet(agents: number): Promise<FleetOfBench> {
    if (this.#fleet?.fleet.agents === agents) return this.#fleet;
    await this.#fleet?.[Symbol.asyncDispose]();
    this.#fleet = null;
    this.#fleet = await this.#startFleet(agents);
    return this.#fleet;
  }

  async #startFleet(agents: number): Promise<FleetOfBench & AsyncDisposable> {
    this.say(`starting a hub and ${agents} simulated agents`);
    await using stack = new AsyncDisposableStack();
    const world = stack.use(await startWorld());
    const tokenFile = await world.enrolmentToken(agents, { fleet: 'simulated' });
    const caSha256 = createHash('sha256').update(new X509Certificate(world.caPem).raw).digest('hex');
    const fleet = stack.use(
      new SimulatedFleet({
        agents,
        processes: this.options.processes,
        hubUrl: world.hub().url,
        caPem: world.caPem,
        caSha256,
        tokenFile,
        behaviour: quickly,
        jitter: 1,
        oldShare: 0,
        oldProtocol: null,
        offlineEveryMs: 0,
        offlineForMs: 0,
        restartEveryMs: 0,
      }),
    );
    await fleet.allConnected(timeoutFor(agents));
    this.say('giving each an application');
    await world.createApplication('settings', { fleet: 'simulated' });
    await fleet.until(
      'the application is everywhere',
      ({ applied }) => applied >= agents,
      timeoutFor(agents),
    );
    await fleet.until('all is reported', ({ statesAcked }) => statesAcked >= agents, timeoutFor(agents));
    const owned = stack.move();
    return { world, fleet, [Symbol.asyncDispose]: () => owned.disposeAsync() };
  }

  raw(): Promise<RawFleet> {
    this.#raw ??= RawFleet.start(this.options.processes).then((raw) => this.#stack.use(raw));
    return this.#raw;
  }

  /** Results of the counted rounds. */
  async rounds<T>(work: (round: number) => Promise<T>, count: number = this.options.rounds): Promise<T[]> {
    const results: T[] = [];
    for (let round = 0; round <= count; round++) results.push(await work(round));
    return results.slice(1);
  }

  /** Runs it, with `--profile` and in the last round under the hub's profiler; the flame graph is named after the row. */
  async profiled<T>(name: string, world: World, round: number, work: () => Promise<T>): Promise<T> {
    if (!this.options.profile || round !== this.options.rounds) return work();
    const dir = path.join(root, '.flotilla/bench/profiles');
    await mkdir(dir, { recursive: true });
    await world.probe.startProfile();
    try {
      return await work();
    } finally {
      const file = path.join(dir, `${name}.cpuprofile`);
      await world.probe.stopProfile(file);
      this.say(`flame graph: ${await writeFlameGraph(file, name)}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

const quickly = { answerMinMs: 50, answerMaxMs: 200, failingShare: 0 };

/** A hundred a second are few. */
export function timeoutFor(agents: number): number {
  return 60_000 + agents * 60;
}
