/**
 * The event stream, resumed: after a cut it reconnects with the last id it saw, with back-off 0.5–15 s, until the
 * signal aborts. An answer that says no (401, 403) ends it; no answer does not.
 */
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { FlotillaConnectionError } from './errors.ts';
import { pause } from './pause.ts';
import type { Transport } from './transport.ts';
import type { FleetEvent } from './types.ts';

export interface EventOptions {
  signal: AbortSignal;
  /** Resume after this event. */
  lastEventId?: string | undefined;
  /** Called when the stream was cut and will be opened again. */
  onReconnect?: ((error: unknown) => void) | undefined;
}

const backoffMinMs = 500;
const backoffMaxMs = 15_000;

export async function* events(
  transport: Transport,
  options: EventOptions,
): AsyncGenerator<FleetEvent, void, undefined> {
  let lastEventId = options.lastEventId;
  let backoffMs = backoffMinMs;
  while (!options.signal.aborted) {
    try {
      for await (const event of oneStream(transport, options.signal, lastEventId)) {
        lastEventId = event.id ?? lastEventId;
        backoffMs = backoffMinMs;
        yield event;
      }
    } catch (error) {
      if (options.signal.aborted) return;
      if (!isCut(error)) throw error;
      options.onReconnect?.(error);
    }
    await pause(backoffMs, options.signal);
    backoffMs = Math.min(backoffMs * 2, backoffMaxMs);
  }
}

async function* oneStream(
  transport: Transport,
  signal: AbortSignal,
  lastEventId: string | undefined,
): AsyncGenerator<FleetEvent, void, undefined> {
  const headers: Record<string, string> = { accept: 'text/event-stream' };
  if (lastEventId !== undefined) headers['last-event-id'] = lastEventId;
  const response = await transport.open('GET', '/api/v1/events', { headers, signal });
  if (!response.body) return;
  const messages = response.body
    .pipeThrough(new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>)
    .pipeThrough(new EventSourceParserStream());
  for await (const message of messages as unknown as AsyncIterable<{
    id?: string;
    event?: string;
    data: string;
  }>) {
    yield { id: message.id ?? null, type: message.event ?? 'message', data: JSON.parse(message.data) };
  }
}

function isCut(error: unknown): boolean {
  return error instanceof FlotillaConnectionError || error instanceof TypeError;
}
