/**
 * Connections to the hub's gRPC server: mTLS with the agent's certificate, and only the trust bundle's roots. Control
 * and reports share one; bundles and answers have a second, opened on demand and closed when idle, so that bulk never
 * delays control.
 */
import { credentials } from '@grpc/grpc-js';
import type { AgentHubClient } from '@flotilla/proto/grpc';
import { createAgentHubClient } from '@flotilla/proto/grpc';
import type { EnrolledIdentity } from './identity.ts';

export const bulkIdleMs = 30_000;

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

export interface BulkConnection {
  /** Runs `work` on the second connection, which stays open for a little while after the last one ended. */
  use<T>(work: (client: AgentHubClient) => Promise<T>): Promise<T>;
  close(): void;
}

export function createBulkConnection(
  connect: () => AgentHubClient,
  idleMs: number = bulkIdleMs,
): BulkConnection {
  let client: AgentHubClient | null = null;
  let users = 0;
  let idle: NodeJS.Timeout | undefined;
  const close = (): void => {
    clearTimeout(idle);
    client?.close();
    client = null;
  };
  return {
    use: async (work) => {
      clearTimeout(idle);
      client ??= connect();
      users += 1;
      try {
        return await work(client);
      } finally {
        users -= 1;
        if (users === 0) idle = setTimeout(close, idleMs).unref();
      }
    },
    close,
  };
}
