/** Writing to a stream at the reader's pace: a full buffer is awaited, and a reader that takes nothing for 30 s is given up. */
import type { EventEmitter } from 'node:events';
import { once } from 'node:events';
import type { Encoded } from '@flotilla/proto/grpc';

export interface EncodedSink extends EventEmitter {
  write(bytes: Encoded): boolean;
}

export class StalledError extends Error {
  override readonly name = 'StalledError';
  constructor() {
    super('the reader took nothing for too long');
  }
}

const stallMs = 30_000;

/** Messages are small (desired state goes in parts of 64 KiB), so that "not drained in time" means that next to nothing was. */
export async function writeDrained(sink: EncodedSink, bytes: Encoded, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (sink.write(bytes)) return;
  const stalled = AbortSignal.timeout(stallMs);
  try {
    await once(sink, 'drain', { signal: AbortSignal.any([signal, stalled]) });
  } catch (error) {
    if (stalled.aborted && !signal.aborted) throw new StalledError();
    throw error;
  }
}
