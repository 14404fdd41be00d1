/** `/healthz`: the process serves. `/readyz`: the hub has welcomed this pod, working or as a standby, since it started. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HealthServer {
  /** `host:port` as bound. */
  address: string;
  close(): Promise<void>;
}

export interface Readiness {
  ready: boolean;
  /** Shown with the answer: `standby`, `working`, `enrolling` … */
  phase: string;
}

export async function serveHealth(
  listen: { host: string; port: number },
  readiness: () => Readiness,
): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const { status, body } = answer(request.url ?? '', readiness());
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  server.requestTimeout = 5_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen.port, listen.host, resolve);
  });
  const { address, port, family } = server.address() as AddressInfo;
  return {
    address: `${family === 'IPv6' ? `[${address}]` : address}:${String(port)}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(url: string, readiness: Readiness): { status: number; body: object } {
  if (url === '/healthz') return { status: 200, body: { status: 'ok' } };
  if (url === '/readyz') return { status: readiness.ready ? 200 : 503, body: readiness };
  return { status: 404, body: { status: 'not found' } };
}
