/**
 * Lets in so many connections at a time: a TLS handshake costs the hub more than anything that comes after it, and where a
 * whole fleet comes at once, handshakes beside each other all take longer than their agents wait, so that none succeeds.
 * Who waits outside costs a socket. Whoever has waited too long, or finds too many there, is sent away before anything was
 * spent on it, and comes back by its own back-off, which spreads the fleet. A connection that has said nothing yet takes no
 * place, so that silent ones keep nobody out.
 */
import type { Socket } from 'node:net';

export interface DoorOptions {
  /** Begins the handshake. */
  letIn: (socket: Socket) => void;
  /** Connections between their first byte and their first call, as long as `handshakeMs`. */
  handshakesMax: number;
  /** After so many milliseconds a handshake waits for its network, or for nothing, and counts no longer. */
  handshakeMs: number;
  /** Connections outside; one more is sent away. */
  outsideMax: number;
  /** How long a connection may wait outside, in milliseconds; shorter than agents wait. */
  patienceMs: number;
}

export const doorDefaults: Omit<DoorOptions, 'letIn'> = {
  // A handshake with an agent far away takes half a second, most of which nobody computes; more at once hold up the loop.
  handshakesMax: 200,
  handshakeMs: 2000,
  patienceMs: 10_000,
  outsideMax: 20_000,
};

interface Waiting {
  socket: Socket;
  untilMs: number;
}

export class Door {
  readonly #options: DoorOptions;
  /** Let in, and not yet heard: by `address:port`. */
  readonly #inside = new Map<string, NodeJS.Timeout>();
  readonly #outside: Waiting[] = [];
  /** Connections that have said nothing yet. */
  readonly #silent = new Set<Socket>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: DoorOptions) {
    this.#options = options;
  }

  arrive(socket: Socket): void {
    socket.on('error', () => undefined);
    if (this.#silent.size + this.#outside.length >= this.#options.outsideMax) return void socket.destroy();
    this.#silent.add(socket);
    const timer = setTimeout(() => socket.destroy(), this.#options.patienceMs);
    const decide = (): void => {
      clearTimeout(timer);
      if (!this.#silent.delete(socket)) return;
      // What is readable without a byte is its end.
      if (socket.readableLength === 0) socket.destroy();
      else this.#queue(socket);
    };
    socket.once('readable', decide);
    socket.once('close', decide);
  }

  #queue(socket: Socket): void {
    if (this.#inside.size < this.#options.handshakesMax) return this.#letIn(socket);
    this.#outside.push({ socket, untilMs: performance.now() + this.#options.patienceMs });
    this.#timer ??= setTimeout(() => this.#sendAway(), this.#options.patienceMs);
  }

  /** The first call came by this connection (`address:port`, as gRPC names a peer): its handshake is over. */
  heard(peer: string): void {
    const timer = this.#inside.get(peer);
    if (timer === undefined) return;
    clearTimeout(timer);
    this.#inside.delete(peer);
    let next = this.#outside.shift();
    while (next?.socket.destroyed === true) next = this.#outside.shift();
    if (next !== undefined) this.#letIn(next.socket);
  }

  /** Nobody is let in any more. */
  close(): void {
    clearTimeout(this.#timer);
    for (const { socket } of this.#outside.splice(0)) socket.destroy();
    for (const socket of this.#silent) socket.destroy();
    for (const timer of this.#inside.values()) clearTimeout(timer);
  }

  #letIn(socket: Socket): void {
    const peer = peerOf(socket);
    this.#inside.set(
      peer,
      setTimeout(() => this.heard(peer), this.#options.handshakeMs),
    );
    socket.once('close', () => this.heard(peer));
    this.#options.letIn(socket);
  }

  #sendAway(): void {
    const nowMs = performance.now();
    const staying = this.#outside.findIndex(({ untilMs }) => untilMs > nowMs);
    const leaving = this.#outside.splice(0, staying < 0 ? this.#outside.length : staying);
    for (const { socket } of leaving) socket.destroy();
    const [first] = this.#outside;
    this.#timer = first && setTimeout(() => this.#sendAway(), first.untilMs - nowMs);
  }
}

function peerOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress}:${remotePort}`;
}
