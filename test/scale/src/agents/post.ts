/**
 * Posts to the hub over connections that are kept, where a real agent opens one for each of its few requests: thousands of
 * agents enrol in a row here, and their share of handshakes is not what is measured.
 */
import type { PostToHub } from '@flotilla/agent/hub/enrol';
import { HubUnreachableError } from '@flotilla/agent/hub/https';
import { Agent, request } from 'undici';

const connectionsMax = 4;

export interface KeptConnections {
  post: PostToHub;
  close(): Promise<void>;
}

export function keepConnections(caPem: string): KeptConnections {
  const dispatcher = new Agent({ connect: { ca: caPem }, connections: connectionsMax });
  return {
    post: async (url, body, _trust, signal) => {
      try {
        const answer = await request(url, {
          dispatcher,
          method: 'POST',
          headers: { 'content-type': 'application/json', accept: 'application/json' },
          body: JSON.stringify(body),
          signal,
        });
        return { status: answer.statusCode, body: await answer.body.json() };
      } catch (cause) {
        signal.throwIfAborted();
        throw new HubUnreachableError(url.href, cause);
      }
    },
    close: () => dispatcher.destroy(),
  };
}
