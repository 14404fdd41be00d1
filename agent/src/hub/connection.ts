/**
 * Connections to the hub's gRPC server: mTLS with the agent's certificate, and only the trust bundle's roots. Control and
 * reports share one. Bundles and answers go by it too where they are small: a second handshake for each agent is what a
 * hub with a large fleet has most to do with. For what is larger there is a second connection, opened on demand and closed
 * when idle, so that bulk never delays control.
 */
import { credentials } from '@grpc/grpc-js';
import type { AgentHubClient } from '@flotilla/proto/grpc';
import { createAgentHubClient } from '@flotilla/proto/grpc';
import type { EnrolledIdentity } from './identity.ts';

/** What a call may carry beside control, in bytes: two seconds of a link of 1 Mbit/s. */
export const besideControlMax = 256 * 1024;

const bulkIdleMs = 30_000;

const channelOptions = {
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.keepalive_permit_without_calls': 1,
  // When to try again is decided in one place, and it is not here.
  'grpc.enable_retries': 0,
  'grpc.initial_reconnect_backoff_ms': 1_000,
  'grpc.service_config_disable_resolution': 1,
};

/** A connection of its own, with the certificate of this moment. Opens with its first call; close it. */
export function connectToHub(identity: EnrolledIdentity): AgentHubClient {
  const url = new URL(identity.membership.grpcUrl);
  const secure = credentials.createSsl(
    Buffer.from(identity.trustBundle.certificates.join('\n')),
    Buffer.from(identity.keyPem),
    Buffer.from(identity.chainPem),
  );
  return createAgentHubClient(`${url.hostname}:${url.port || '443'}`, secure, channelOptions);
}

export interface SideCalls {
  /** Runs `work` on the connection for a call that carries so many bytes; `Infinity` where nobody knows. */
  use<T>(bytes: number, work: (client: AgentHubClient) => Promise<T>): Promise<T>;
  /** Of the second connection; control's is its owner's. */
  close(): void;
}

export interface SideCallsOptions {
  control: AgentHubClient;
  /** Opens the second connection. */
  connect: () => AgentHubClient;
  /** How long that stays open after the last call on it ended. */
  idleMs?: number;
}

export function createSideCalls({ control, connect, idleMs = bulkIdleMs }: SideCallsOptions): SideCalls {
  let bulk: AgentHubClient | null = null;
  let users = 0;
  let idle: NodeJS.Timeout | undefined;
  const close = (): void => {
    clearTimeout(idle);
    bulk?.close();
    bulk = null;
  };
  return {
    use: async (bytes, work) => {
      if (bytes <= besideControlMax) return work(control);
      clearTimeout(idle);
      bulk ??= connect();
      users += 1;
      try {
        return await work(bulk);
      } finally {
        users -= 1;
        if (users === 0) idle = setTimeout(close, idleMs).unref();
      }
    },
    close,
  };
}
