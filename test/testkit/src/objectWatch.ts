/** Every version of one object of a cluster, as its API server tells them, for what must hold at all times. */
import { request } from 'node:https';
import type { ApiAccess } from '@flotilla/local/kubelab/api';

export interface ObjectWatch {
  /** In order, the first one as it was when the watch began. */
  versions: unknown[];
  /** Why it saw no more, if it ended by itself. */
  problem: () => string | null;
  stop: () => void;
}

/** `path` is of a namespaced collection. Resolves when the watch is open. */
export function watchObject(access: ApiAccess, path: string, name: string): Promise<ObjectWatch> {
  const versions: unknown[] = [];
  let problem: string | null = null;
  let stopped = false;
  const end = (why: string) => {
    if (!stopped) problem ??= why;
  };
  return new Promise((resolve, reject) => {
    const url = new URL(`${path}?watch=true&fieldSelector=metadata.name%3D${name}`, access.url);
    const headers = { authorization: `Bearer ${access.token}`, accept: 'application/json' };
    const outgoing = request(url, { headers, ca: access.ca }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        const lines = (text + chunk).split('\n');
        text = lines.pop() ?? '';
        for (const line of lines) if (line !== '') versions.push((JSON.parse(line) as WatchEvent).object);
      });
      response.on('close', () => end('the watch was closed'));
      const stop = () => {
        stopped = true;
        outgoing.destroy();
      };
      resolve({ versions, problem: () => problem, stop });
    });
    outgoing.on('error', (error) => {
      end(error.message);
      reject(error);
    });
    outgoing.end();
  });
}

interface WatchEvent {
  type: string;
  object: unknown;
}
