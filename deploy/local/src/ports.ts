/**
 * Free loopback ports for programs that refuse port 0. Another process may take one between the answer and its use, so
 * whoever starts such a program does it by `withPortRetry`.
 */
import { createServer, type AddressInfo } from 'node:net';
import { ProgramError } from './processes/program.ts';

const ATTEMPTS_MAX = 5;
const IN_USE = /address already in use|EADDRINUSE|bind: address/i;

export async function allocatePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Calls `start` again, with new ports, when the program said that a port was in use. */
export async function withPortRetry<T>(start: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start();
    } catch (error) {
      const inUse = error instanceof ProgramError && IN_USE.test(error.output);
      if (!inUse || attempt === ATTEMPTS_MAX) throw error;
    }
  }
}
