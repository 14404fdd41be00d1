/** The stream of a pod that does not hold the Lease: Hello, Welcome, and nothing else until it ends. */
import type { Hello } from '@flotilla/proto/messages';
import { connectToHub } from './connection.ts';
import { identityOf } from './credentials.ts';
import type { IdentityStore } from './identityStore.ts';
import type { StreamEnd } from './stream.ts';
import { runStream } from './stream.ts';

export interface StandbySessionOptions {
  store: IdentityStore;
  hello(): Hello;
  onWelcome(): void;
}

export async function runStandbySession(
  options: StandbySessionOptions,
  signal: AbortSignal,
): Promise<StreamEnd> {
  // What the holder renewed meanwhile is better; an API server that is away leaves what was read last.
  await options.store.reload().catch(() => undefined);
  const client = connectToHub(identityOf(options.store));
  try {
    return await runStream({
      client,
      hello: options.hello(),
      signal,
      onWelcome: options.onWelcome,
      onMessage: () => Promise.resolve(null),
    });
  } finally {
    client.close();
  }
}
