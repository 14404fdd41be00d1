/**
 * The floor under a hub: a raw gRPC server over mTLS with so many clients, in as many processes as the simulated agents
 * have, on this machine and in this run.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createAuthority, type Certified } from '@flotilla/local/certificates';
import { eventually } from '@flotilla/testkit/eventually';
import type {
  FromRawClients,
  FromRawServer,
  RawServerReading,
  ToRawClients,
  ToRawServer,
} from './messages.ts';

const dayMs = 86_400_000;

/** The same handshake as between agent and hub. */
interface RawAuthority {
  caPem: string;
  server: Certified;
  client: Certified;
}

async function createRawAuthority(): Promise<RawAuthority> {
  const { cert: caPem, sign } = await createAuthority('raw floor', dayMs);
  return { caPem, server: await sign('CN=raw peer', 'server'), client: await sign('CN=raw peer', 'client') };
}

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export class RawFleet implements AsyncDisposable {
  readonly #authority: RawAuthority;
  readonly #server: ChildProcess;
  readonly #clients: ChildProcess[];
  readonly #port: number;

  private constructor(authority: RawAuthority, server: ChildProcess, clients: ChildProcess[], port: number) {
    this.#authority = authority;
    this.#server = server;
    this.#clients = clients;
    this.#port = port;
  }

  static async start(processes: number): Promise<RawFleet> {
    const authority = await createRawAuthority();
    const server = start('./server.ts');
    const clients = Array.from({ length: processes }, () => start('./clients.ts'));
    const { caPem, server: pair } = authority;
    const listening = await ask<FromRawServer>(
      server,
      { type: 'listen', caPem, pair } satisfies ToRawServer,
      'listening',
    );
    return new RawFleet(authority, server, clients, listening.type === 'listening' ? listening.port : 0);
  }

  /** Milliseconds until every client has had its first answer. */
  async connect(count: number): Promise<number> {
    const { caPem, client: pair } = this.#authority;
    const startMs = performance.now();
    await this.#tellClients(
      (share) => ({ type: 'connect', port: this.#port, count: share, caPem, pair }),
      'connected',
      count,
    );
    return performance.now() - startMs;
  }

  async disconnect(): Promise<void> {
    await this.#tellClients(() => ({ type: 'disconnect' }), 'disconnected', 0);
    await eventually('the raw streams have ended', async () => (await this.read()).streams === 0);
  }

  /** Milliseconds after the first write until each stream had answered, in order. */
  async broadcast(bytes: Uint8Array): Promise<number[]> {
    const answer = await ask<FromRawServer>(
      this.#server,
      { type: 'broadcast', bytes } satisfies ToRawServer,
      'answered',
    );
    return answer.type === 'answered' ? answer.afterMs : [];
  }

  /** Processor time of the server for each message, in microseconds. */
  async costOfMessage(clients: number, messages: number, bytes: number): Promise<number> {
    const before = await this.read();
    const wanted = before.received + clients * messages;
    await this.#tellClients(() => ({ type: 'send', messages, bytes }), 'sent', clients);
    await eventually('the raw server has every message', async () => (await this.read()).received >= wanted);
    const after = await this.read();
    return ((after.cpuMs - before.cpuMs) * 1000) / (clients * messages);
  }

  async read(): Promise<RawServerReading> {
    const answer = await ask<FromRawServer>(this.#server, { type: 'read' } satisfies ToRawServer, 'reading');
    if (answer.type !== 'reading') throw new Error('the raw server did not answer');
    return answer;
  }

  async #tellClients(
    message: (share: number) => ToRawClients,
    answer: FromRawClients['type'],
    count: number,
  ): Promise<void> {
    const each = this.#clients.length;
    const shareOf = (index: number) =>
      Math.floor((count * (index + 1)) / each) - Math.floor((count * index) / each);
    await Promise.all(
      this.#clients.map((client, index) => ask<FromRawClients>(client, message(shareOf(index)), answer)),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const children = [this.#server, ...this.#clients].filter(({ exitCode }) => exitCode === null);
    const ended = children.map((child) => new Promise((resolve) => child.once('exit', resolve)));
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(ended);
  }
}

function start(name: string): ChildProcess {
  const execArgv = [...process.execArgv, '--expose-gc'];
  return fork(file(name), {
    serialization: 'advanced',
    execArgv,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

/** Of one kind, one at a time. */
function ask<T extends { type: string }>(
  child: ChildProcess,
  message: ToRawClients | ToRawServer,
  answer: T['type'],
): Promise<T> {
  const answered = new Promise<T>((resolve, reject) => {
    const listen = (heard: T): void => {
      if (heard.type !== answer) return;
      child.off('message', listen).off('exit', ended);
      resolve(heard);
    };
    const ended = (): void => reject(new Error('a process of the raw floor ended'));
    child.on('message', listen).on('exit', ended);
  });
  child.send(message);
  return answered;
}
