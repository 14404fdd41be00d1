/**
 * Loaded into a hub before its program (`--import`), to be asked from outside how much processor time, memory and delay of
 * its event loop it cost, and for a profile of a stretch of its work. Answers over a socket; changes nothing else.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Session } from 'node:inspector/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

const socket = process.env['FLOTILLA_PROBE_SOCKET'];
/** A delay is measured as time beyond this. */
const resolutionMs = 5;

function begin(path: string): void {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  let profiler: Session | null = null;
  const read = () => {
    const { user, system } = process.cpuUsage();
    const over = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - resolutionMs);
    return {
      cpuMs: (user + system) / 1000,
      rssBytes: process.memoryUsage.rss(),
      heapBytes: process.memoryUsage().heapUsed,
      lagP99Ms: over(delay.percentile(99)),
      lagMaxMs: over(delay.max),
    };
  };
  const answer = async (what: string): Promise<unknown> => {
    if (what === '/reset') delay.reset();
    if (what === '/collect') globalThis.gc?.();
    if (what === '/profile/start') {
      // Loaded only now: the memory of a process without it is measured too.
      profiler = new (await import('node:inspector/promises')).Session();
      profiler.connect();
      await profiler.post('Profiler.enable');
      await profiler.post('Profiler.start');
    }
    if (what.startsWith('/profile/stop/') && profiler !== null) {
      const { profile } = await profiler.post('Profiler.stop');
      writeFileSync(decodeURIComponent(what.slice('/profile/stop/'.length)), JSON.stringify(profile));
      profiler.disconnect();
    }
    return read();
  };
  const server = createServer((request, response) => {
    answer(request.url ?? '').then(
      (value) => response.end(JSON.stringify(value)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  // What a process that was killed left behind.
  rmSync(path, { force: true });
  server.listen(path);
  server.unref();
}

// Threads of the program load this too.
if (socket !== undefined && isMainThread) begin(socket);
