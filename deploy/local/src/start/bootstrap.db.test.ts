/** The very first command on a fresh clone, before anything is installed. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { allocatePort } from '../ports.ts';
import { root } from '../root.ts';

const run = promisify(execFile);
const timeout = 120_000;

let clone: string;
beforeAll(async () => {
  clone = await mkdtemp(join(tmpdir(), 'flotilla-clone-'));
  for (const file of ['bootstrap.mjs', 'package.json', 'package-lock.json'])
    await cp(join(root, file), join(clone, file));
});
afterAll(() => rm(clone, { recursive: true }));

/** `npm start` there, with nothing in npm's cache and this registry. */
async function startWith(registry: string): Promise<{ code: number; stderr: string }> {
  const env = {
    PATH: process.env['PATH'],
    HOME: clone,
    npm_config_cache: join(clone, 'cache'),
    npm_config_registry: registry,
    npm_config_fetch_retries: '0',
  };
  try {
    const { stderr } = await run(process.execPath, ['bootstrap.mjs', 'start'], { cwd: clone, env });
    return { code: 0, stderr };
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string };
    return { code, stderr };
  }
}

test(
  'without a network it says in one sentence what is missing and what to do',
  async () => {
    expect(await startWith(`http://127.0.0.1:${await allocatePort()}`)).toEqual({
      code: 1,
      stderr:
        "Installing packages (npm ci) …\nnpm ci does not reach the package registry (ECONNREFUSED): connect to the network, or set npm's registry or proxy, then try again; nothing was started.\n",
    });
  },
  timeout,
);

test(
  'a registry that answers otherwise is not called unreachable: npm says itself what is wrong',
  async () => {
    await using registry = createServer((_, response) => response.writeHead(403).end()).listen(
      0,
      '127.0.0.1',
    );
    await once(registry, 'listening');
    const { port } = registry.address() as AddressInfo;
    const { code, stderr } = await startWith(`http://127.0.0.1:${port}`);
    expect(stderr).toMatch(/E403[^]*npm ci failed, see above. Nothing was started.\n$/);
    expect(stderr).not.toContain('does not reach');
    expect(code).toBe(1);
  },
  timeout,
);
