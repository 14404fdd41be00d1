/** A TCP proxy for a network that misbehaves: it holds bytes back, cuts connections, refuses new ones, and counts. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface TcpTarget {
  host?: string;
  port: number;
}

export interface HeldAnswer {
  /** Resolves with their number once such bytes have come. */
  reached: Promise<number>;
  /** Passes them on. */
  release: () => void;
}

interface Holding {
  bytesMin: number;
  reached: (bytes: number) => void;
  chunks: { to: Socket; chunk: Buffer }[];
}

export class TcpProxy implements AsyncDisposable {
  readonly port: number;
  connections = 0;
  bytesUp = 0;
  bytesDown = 0;
  #target: TcpTarget;
  #held = false;
  #refusing = false;
  #holding: Holding | null = null;
  #queue: (() => void)[] | null = null;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, target: TcpTarget) {
    this.#server = server;
    this.#target = target;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => this.#accept(socket));
  }

  static async start(target: TcpTarget): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new TcpProxy(server, target);
  }

  /** New connections go to another place: a server that came back on another port. */
  retarget(target: TcpTarget): void {
    this.#target = target;
  }

  /** Bytes stop in both directions; nobody is told. */
  hold(): void {
    this.#held = true;
    for (const socket of this.#sockets) socket.pause();
  }

  release(): void {
    this.#held = false;
    for (const socket of this.#sockets) socket.resume();
  }

  /** Keeps back what the target sends from its next `bytesMin` bytes at once on: a message, not a sign of life. */
  holdAnswer(bytesMin: number): HeldAnswer {
    const { promise, resolve } = Promise.withResolvers<number>();
    const holding: Holding = { bytesMin, reached: resolve, chunks: [] };
    this.#holding = holding;
    const release = () => {
      if (this.#holding === holding) this.#holding = null;
      for (const { to, chunk } of holding.chunks.splice(0)) to.write(chunk);
    };
    return { reached: promise, release };
  }

  /** Ends every connection and refuses new ones until `restore`. */
  cut(): void {
    this.#refusing = true;
    this.drop();
  }

  restore(): void {
    this.#refusing = false;
  }

  /** New connections wait at the door until `admit`, for a target that is being started again. */
  queue(): void {
    this.#queue ??= [];
  }

  admit(): void {
    const waiting = this.#queue ?? [];
    this.#queue = null;
    for (const open of waiting) open();
  }

  /** Ends every connection; new ones are welcome. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  get openConnections(): number {
    return this.#sockets.size / 2;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.drop();
    await closed;
  }

  #accept(downstream: Socket): void {
    if (this.#refusing) {
      downstream.resetAndDestroy();
      return;
    }
    this.connections++;
    if (this.#queue === null) return this.#open(downstream);
    this.#sockets.add(downstream);
    downstream.on('error', () => {});
    downstream.on('close', () => this.#sockets.delete(downstream));
    this.#queue.push(() => downstream.destroyed || this.#open(downstream));
  }

  #open(downstream: Socket): void {
    const upstream = connect({
      host: this.#target.host ?? '127.0.0.1',
      port: this.#target.port,
      allowHalfOpen: true,
    });
    this.#pump(downstream, upstream, (chunk) => {
      this.bytesUp += chunk.length;
      return false;
    });
    this.#pump(upstream, downstream, (chunk) => {
      this.bytesDown += chunk.length;
      return this.#keepBack(downstream, chunk);
    });
  }

  #keepBack(to: Socket, chunk: Buffer): boolean {
    const holding = this.#holding;
    if (holding === null || (holding.chunks.length === 0 && chunk.length < holding.bytesMin)) return false;
    holding.chunks.push({ to, chunk });
    holding.reached(chunk.length);
    return true;
  }

  /** `take` is shown every chunk, and says whether it keeps it. */
  #pump(from: Socket, to: Socket, take: (chunk: Buffer) => boolean): void {
    this.#sockets.add(from);
    from.setNoDelay(true);
    from.on('data', (chunk) => {
      if (take(chunk) || to.write(chunk)) return;
      from.pause();
      to.once('drain', () => this.#held || from.resume());
    });
    from.on('end', () => to.end());
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    if (this.#held) from.pause();
  }
}
