/** Whether the ports that a fleet had are free, asked before anything is started: URLs and kubeconfigs name them. */
import { createServer } from 'node:net';
import type { KeptState } from './state.ts';

export class PortTakenError extends Error {
  override readonly name = 'PortTakenError';
}

/** Postgres is not among them: nobody keeps its URL, it moves to another port. */
export async function requireFreePorts({ ports }: KeptState): Promise<void> {
  const wanted = [
    { what: "the hub's API", port: ports.http },
    { what: "the hub's agents", port: ports.grpc },
    { what: 'the Git server', port: ports.git },
    ...Object.entries(ports.clusters).map(([name, port]) => ({ what: `cluster ${name}`, port })),
  ];
  const free = await Promise.all(wanted.map(({ port }) => isFree(port)));
  const taken = wanted.filter((_, index) => free[index] !== true);
  const [first] = taken;
  if (first === undefined) return;
  const others = taken.length === 1 ? '' : ` (and ${taken.length - 1} more)`;
  throw portTaken(first.what, first.port, others);
}

export function portTaken(what: string, port: number, others = ''): PortTakenError {
  return new PortTakenError(
    `port ${port}, which this fleet had for ${what}, is in use${others}: end what uses it, or start over with --fresh`,
  );
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
