/**
 * Writes to one stream, in order. A full buffer is awaited, and a stream on which no byte drains for 30 s is cut: the
 * peer is gone, or reads too slowly to be of use.
 */
import type { ClientDuplexStream } from '@grpc/grpc-js';

export const stallMs = 30_000;

export class StalledError extends Error {
  override readonly name = 'StalledError';

  constructor() {
    super('no byte drained in time');
  }
}

export type Send = (bytes: Uint8Array) => Promise<void>;

/** Rejects with StalledError, or with what the stream broke with. */
export function createSender(call: ClientDuplexStream<Uint8Array, Uint8Array>, timeoutMs = stallMs): Send {
  let last: Promise<void> = Promise.resolve();
  return (bytes) => {
    last = last.then(() => writeOne(call, bytes, timeoutMs));
    // Whoever sends sees the failure; the chain itself must not be an unhandled one.
    last.catch(() => undefined);
    return last;
  };
}

function writeOne(
  call: ClientDuplexStream<Uint8Array, Uint8Array>,
  bytes: Uint8Array,
  timeoutMs: number,
): Promise<void> {
  if (call.destroyed || call.writableEnded) return Promise.reject(new Error('the stream has ended'));
  if (call.write(bytes)) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const settle = (error: Error | null): void => {
      clearTimeout(timer);
      call.off('drain', drained).off('close', closed).off('error', settle);
      if (error) reject(error);
      else resolve();
    };
    const drained = (): void => settle(null);
    const closed = (): void => settle(new Error('the stream has ended'));
    const timer = setTimeout(() => {
      settle(new StalledError());
      call.cancel();
    }, timeoutMs);
    call.on('drain', drained).on('close', closed).on('error', settle);
  });
}
