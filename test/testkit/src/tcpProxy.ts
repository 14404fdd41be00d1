/** A TCP proxy for a network that misbehaves: it holds bytes back, cuts connections, refuses new ones, and counts. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface TcpTarget {
  host?: string;
  port: number;
}

export class TcpProxy implements AsyncDisposable {
  readonly port: number;
  connections = 0;
  bytesUp = 0;
  bytesDown = 0;
  #target: TcpTarget;
  #held = false;
  #refusing = false;
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

  /** Ends every connection and refuses new ones until `restore`. */
  cut(): void {
    this.#refusing = true;
    this.drop();
  }

  restore(): void {
    this.#refusing = false;
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
    const upstream = connect({
      host: this.#target.host ?? '127.0.0.1',
      port: this.#target.port,
      allowHalfOpen: true,
    });
    this.#pump(downstream, upstream, (bytes) => (this.bytesUp += bytes));
    this.#pump(upstream, downstream, (bytes) => (this.bytesDown += bytes));
  }

  #pump(from: Socket, to: Socket, count: (bytes: number) => void): void {
    this.#sockets.add(from);
    from.setNoDelay(true);
    from.on('data', (chunk) => {
      count(chunk.length);
      if (to.write(chunk)) return;
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
