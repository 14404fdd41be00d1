/**
 * Ending a call on the wire. Destroying the stream object of a grpc-js server call sends nothing: its peer would go on
 * waiting. So a status goes out first; a reader that has stopped, and so never comes to it, is reset a moment later.
 */
import { constants } from 'node:http2';
import { status } from '@grpc/grpc-js';

export interface EndableCall {
  readonly writableEnded?: boolean;
  destroy(): unknown;
}

/** What a server call of grpc-js stands on. */
interface RawCall {
  sendStatus(status: { code: status; details: string; metadata: null }): void;
  stream?: { close(code: number): void };
}

const lingerMs = 3000;
const ended = { code: status.UNAVAILABLE, details: 'the hub ended the stream' };

/** Also where the stream was left half-read, and may so be destroyed already. Harmless to repeat. */
export function hangUp(call: EndableCall): void {
  // What was ended has its status; two would be one too many.
  if (call.writableEnded !== true) rawOf(call)?.sendStatus({ ...ended, metadata: null });
  call.destroy();
  resetLater(call);
}

/** For a call that was ended in good order and whose peer may not read it. */
export function resetLater(call: EndableCall): void {
  setTimeout(() => rawOf(call)?.stream?.close(constants.NGHTTP2_CANCEL), lingerMs).unref();
}

function rawOf(call: EndableCall): RawCall | undefined {
  return (call as { call?: RawCall }).call;
}
