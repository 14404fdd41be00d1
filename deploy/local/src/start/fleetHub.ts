/** The hub of a local fleet. It may end, and is started again where it was. */
import { HubError, migrateHub, startHub, type Hub, type HubOptions } from '../fleet/hub.ts';
import type { ProgramWatch } from './programWatch.ts';

export class FleetHub {
  #options: HubOptions;
  readonly #programs: ProgramWatch;
  #newest: Hub | undefined;

  constructor(options: HubOptions, programs: ProgramWatch) {
    this.#options = options;
    this.#programs = programs;
  }

  /** The one that runs, or ran last. */
  get newest(): Hub | undefined {
    return this.#newest;
  }

  /** Where it listens, or listened last; 0: not yet. */
  ports(): { httpPort: number; grpcPort: number } {
    const { httpPort = 0, grpcPort = 0 } = this.#options;
    if (this.#newest === undefined) return { httpPort, grpcPort };
    return { httpPort: portOf(this.#newest.http), grpcPort: portOf(this.#newest.grpc) };
  }

  async start(): Promise<Hub> {
    this.#newest = await startHub(this.#options);
    // Agents and people know where it was: the next one is there too.
    this.#options = { ...this.#options, ...this.ports() };
    this.#programs.add('hub', this.#newest.program, 'the hub');
    return this.#newest;
  }

  /** While nothing is released the first migration still changes: what an older checkout left is then of no use. */
  async migrate(): Promise<void> {
    try {
      await migrateHub(this.#options.databaseUrl);
    } catch (error) {
      if (!(error instanceof HubError)) throw error;
      throw new HubError(`${error.message}. To start over: npm start -- --fresh`, { cause: error });
    }
  }

  async stop(): Promise<void> {
    await this.#newest?.stop();
  }
}

function portOf(address: string): number {
  return Number(new URL(`http://${address}`).port);
}
