/**
 * One `Connect` stream, from Hello to its end: Welcome comes first, then messages are handled in the order they came,
 * one at a time. How it ended is data; only a fault of this program throws.
 */
import { status } from '@grpc/grpc-js';
import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import { encodeAgentMessage } from '@flotilla/proto/codec/agentMessage';
import { decodeBrokenDesired, decodeHubMessage } from '@flotilla/proto/codec/hubMessage';
import type { AgentHubClient } from '@flotilla/proto/grpc';
import type {
  AgentMessage,
  DesiredNack,
  Hello,
  HubMessage,
  RefusedReason,
  Welcome,
} from '@flotilla/proto/messages';
import { WireError } from '@flotilla/proto/wireError';
import { createSender, StalledError } from './sender.ts';

export type StreamEnd =
  /** The replica stops. */
  | { reason: 'drained'; retryAfterMs: number }
  | { reason: 'refused'; refused: RefusedReason; retryAfterMs: number; detail: string }
  /** The fence of this session is no longer the cluster's. */
  | { reason: 'stale' }
  /** Broken, closed or never opened. `denied`: the hub does not take this certificate. */
  | { reason: 'lost'; denied: boolean; detail: string }
  /** There is a new key to come back with. */
  | { reason: 'rotated' }
  /** This side ended it. */
  | { reason: 'left' };

export interface Session {
  welcome: Welcome;
  send(message: AgentMessage): Promise<void>;
}

export interface StreamOptions {
  client: AgentHubClient;
  hello: Hello;
  /** Ends the stream as `left`, or as the StreamEnd that is its reason. */
  signal: AbortSignal;
  /** Before the first message is handled. */
  onWelcome(session: Session): void | Promise<void>;
  /** A StreamEnd ends the stream. */
  onMessage(message: HubMessage, session: Session): Promise<StreamEnd | null>;
  welcomeTimeoutMs?: number;
}

const defaultWelcomeTimeoutMs = 30_000;

export async function runStream(options: StreamOptions): Promise<StreamEnd> {
  if (options.signal.aborted) return endOfSignal(options.signal);
  const call = options.client.connect();
  const abort = (): void => call.cancel();
  options.signal.addEventListener('abort', abort, { once: true });
  const timer = setTimeout(abort, options.welcomeTimeoutMs ?? defaultWelcomeTimeoutMs);
  try {
    return await readStream(call, options, timer);
  } catch (error) {
    if (options.signal.aborted) return endOfSignal(options.signal);
    return endOfError(error);
  } finally {
    clearTimeout(timer);
    options.signal.removeEventListener('abort', abort);
    call.on('error', () => undefined);
    call.cancel();
  }
}

async function readStream(
  call: ClientDuplexStream<Uint8Array, Uint8Array>,
  options: StreamOptions,
  welcomeTimer: NodeJS.Timeout,
): Promise<StreamEnd> {
  const sendBytes = createSender(call);
  const send = (message: AgentMessage): Promise<void> => sendBytes(encodeAgentMessage(message));
  await send({ type: 'Hello', ...options.hello });
  let session: Session | null = null;
  for await (const bytes of call as AsyncIterable<Uint8Array>) {
    const message = decodeOrNack(bytes);
    if (message === null) continue;
    if (message.type === 'DesiredNack') {
      await send(message);
      continue;
    }
    const end = endOfMessage(message);
    if (end !== null) return end;
    if (message.type === 'Welcome') {
      clearTimeout(welcomeTimer);
      session = { welcome: message, send };
      await options.onWelcome(session);
      continue;
    }
    if (session === null)
      return { reason: 'lost', denied: false, detail: 'the hub did not begin with a welcome' };
    const asked = await options.onMessage(message, session);
    if (asked !== null) return asked;
  }
  return { reason: 'lost', denied: false, detail: 'the hub closed the stream' };
}

/** Desired state that does not decode is nacked, so that it shows at the hub; anything else broken ends the stream. */
function decodeOrNack(bytes: Uint8Array): HubMessage | ({ type: 'DesiredNack' } & DesiredNack) | null {
  try {
    return decodeHubMessage(bytes);
  } catch (error) {
    const broken = error instanceof WireError ? decodeBrokenDesired(bytes) : null;
    if (broken === null) throw error;
    return { type: 'DesiredNack', ...broken, reason: 'malformed', detail: (error as WireError).message };
  }
}

function endOfMessage(message: HubMessage): StreamEnd | null {
  if (message.type === 'Drain') return { reason: 'drained', retryAfterMs: message.retryAfterMs };
  if (message.type !== 'Refused') return null;
  const { reason, retryAfterMs, detail } = message;
  return { reason: 'refused', refused: reason, retryAfterMs, detail };
}

function endOfSignal(signal: AbortSignal): StreamEnd {
  const reason: unknown = signal.reason;
  return isStreamEnd(reason) ? reason : { reason: 'left' };
}

function isStreamEnd(value: unknown): value is StreamEnd {
  return typeof value === 'object' && value !== null && 'reason' in value && !(value instanceof Error);
}

/** Throws on what is no fault of the wire or the peer. */
export function endOfError(error: unknown): StreamEnd {
  if (isServiceError(error)) {
    const denied = error.code === status.UNAUTHENTICATED || error.code === status.PERMISSION_DENIED;
    return { reason: 'lost', denied, detail: `${status[error.code]}: ${error.details}` };
  }
  if (error instanceof WireError || error instanceof StalledError) {
    return { reason: 'lost', denied: false, detail: error.message };
  }
  if (error instanceof Error && error.message === 'the stream has ended') {
    return { reason: 'lost', denied: false, detail: error.message };
  }
  throw error;
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error;
}
