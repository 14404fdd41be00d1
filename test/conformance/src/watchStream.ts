/** One watch: its events in the order in which they came. */
import type { IncomingMessage } from 'node:http';
import { eventually } from '@flotilla/testkit/eventually';
import type { Json } from './json.ts';

export interface WatchEvent {
  type: string;
  object: Json;
}

export class WatchStream {
  readonly events: WatchEvent[] = [];
  #closed = false;
  readonly #response: IncomingMessage;

  constructor(response: IncomingMessage) {
    this.#response = response;
    let pending = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      const lines = (pending + chunk).split('\n');
      pending = lines.pop() ?? '';
      this.events.push(...lines.filter((line) => line !== '').map((line) => JSON.parse(line) as WatchEvent));
    });
    response.on('close', () => (this.#closed = true));
    response.on('error', () => {});
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** `TYPE name` of each event so far. */
  get seen(): string[] {
    return this.events.map(({ type, object }) => `${type} ${object.metadata?.name ?? object.reason ?? ''}`);
  }

  /** All events, once there are so many. */
  async untilCount(count: number): Promise<WatchEvent[]> {
    await eventually(`${count} events`, () => this.events.length >= count || ([false, this.seen] as const), {
      timeoutMs: 10_000,
    });
    return this.events;
  }

  async until(what: string, check: (event: WatchEvent) => boolean): Promise<WatchEvent> {
    return eventually(what, () => this.events.find(check) ?? ([false, this.seen] as const), {
      timeoutMs: 15_000,
    });
  }

  async untilClosed(): Promise<void> {
    await eventually('the server ends the watch', () => this.#closed, { timeoutMs: 15_000 });
  }

  stop(): void {
    this.#response.destroy();
  }
}
