/** Between the bench and the processes of a raw gRPC server and its clients. */
import type { Certified } from '@flotilla/local/certificates';

export type ToRawServer =
  | { type: 'listen'; caPem: string; pair: Certified }
  /** Writes these bytes to every stream and waits for an answer from each. */
  | { type: 'broadcast'; bytes: Uint8Array }
  | { type: 'read' };

export interface RawServerReading {
  cpuMs: number;
  rssBytes: number;
  streams: number;
  /** Messages since the start. */
  received: number;
}

export type FromRawServer =
  | { type: 'listening'; port: number }
  /** When each stream had answered, after the first write, in order. */
  | { type: 'answered'; afterMs: number[] }
  | ({ type: 'reading' } & RawServerReading);

export type ToRawClients =
  | { type: 'connect'; port: number; count: number; caPem: string; pair: Certified }
  | { type: 'disconnect' }
  /** Every client sends so many messages of so many bytes. */
  | { type: 'send'; messages: number; bytes: number };

/** `connected`: every client has had a first answer. */
export type FromRawClients = { type: 'connected' | 'disconnected' | 'sent' };
