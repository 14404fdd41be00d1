/** Asks a probe (`probe.ts`) in another process. */
import { request } from 'node:http';
import { text } from 'node:stream/consumers';

export interface ProbeReading {
  cpuMs: number;
  rssBytes: number;
  heapBytes: number;
  /** Of the event loop since the last reset. */
  lagP99Ms: number;
  lagMaxMs: number;
}

export interface Probe {
  read(): Promise<ProbeReading>;
  /** Begins the delays of the event loop anew. */
  reset(): Promise<ProbeReading>;
  /** Collects garbage first, where the process allows it. */
  collect(): Promise<ProbeReading>;
  startProfile(): Promise<void>;
  /** Writes a `.cpuprofile` there. */
  stopProfile(file: string): Promise<void>;
}

export function probeAt(socketPath: string): Probe {
  const ask = (path: string): Promise<ProbeReading> =>
    new Promise((resolve, reject) => {
      const call = request({ socketPath, path }, (response) => {
        text(response).then((body) => {
          if (response.statusCode === 200) resolve(JSON.parse(body) as ProbeReading);
          else reject(new Error(body));
        }, reject);
      });
      call.on('error', reject);
      call.end();
    });
  return {
    read: () => ask('/read'),
    reset: () => ask('/reset'),
    collect: () => ask('/collect'),
    startProfile: async () => void (await ask('/profile/start')),
    stopProfile: async (file) => void (await ask(`/profile/stop/${encodeURIComponent(file)}`)),
  };
}
