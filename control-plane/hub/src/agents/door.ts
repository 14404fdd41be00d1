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

export class Door {
  readonly #options: DoorOptions;
  /** Let in, and not yet heard: by `address:port`. */
  readonly #inside = new Map<string, NodeJS.Timeout>();
  /** Everybody else, with the end of their patience. */
  readonly #outside = new Map<Socket, NodeJS.Timeout>();
  /** Those outside who have said something, in the order in which they did. */
  readonly #queue = new Set<Socket>();

  constructor(options: DoorOptions) {
    this.#options = options;
  }

  arrive(socket: Socket): void {
    const { outsideMax, patienceMs } = this.#options;
    socket.on('error', () => undefined);
    if (this.#outside.size >= outsideMax) return void socket.destroy();
    this.#outside.set(
      socket,
      setTimeout(() => this.#sendAway(socket), patienceMs),
    );
    socket.once('readable', () => this.#speak(socket));
    socket.once('close', () => this.#leave(socket));
  }

  /** The first call came by this connection (`address:port`, as gRPC names a peer): its handshake is over. */
  heard(peer: string): void {
    const timer = this.#inside.get(peer);
    if (timer === undefined) return;
    clearTimeout(timer);
    this.#inside.delete(peer);
    this.#letNextIn();
  }

  /** Nobody is let in any more. */
  close(): void {
    for (const timer of this.#inside.values()) clearTimeout(timer);
    for (const socket of this.#outside.keys()) this.#sendAway(socket);
  }

  #speak(socket: Socket): void {
    if (!this.#outside.has(socket)) return;
    // What is readable without a byte is its end.
    if (socket.readableLength === 0) return this.#sendAway(socket);
    this.#queue.add(socket);
    this.#letNextIn();
  }

  #letNextIn(): void {
    const [next] = this.#queue;
    if (next === undefined || this.#inside.size >= this.#options.handshakesMax) return;
    this.#leave(next);
    const peer = peerOf(next);
    this.#inside.set(
      peer,
      setTimeout(() => this.heard(peer), this.#options.handshakeMs),
    );
    next.once('close', () => this.heard(peer));
    this.#options.letIn(next);
  }

  #sendAway(socket: Socket): void {
    this.#leave(socket);
    socket.destroy();
  }

  #leave(socket: Socket): void {
    clearTimeout(this.#outside.get(socket));
    this.#outside.delete(socket);
    this.#queue.delete(socket);
  }
}

function peerOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress}:${remotePort}`;
}
