/**
 * Leases across the worker processes of a run: a file for each name that is leased, with the process that has it. A
 * lease ends when it is released or its process is gone.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from './eventually.ts';

/** Longer than any file has its lease. */
const TIMEOUT_MS = 10 * 60_000;
const ALLOCATING = '.allocating';

/** `count` of the names, all at once. */
export async function acquireLeases(
  dir: string,
  names: readonly string[],
  count: number,
  { timeoutMs = TIMEOUT_MS } = {},
): Promise<string[]> {
  await mkdir(dir, { recursive: true });
  return eventually(
    `${count} of ${names.join(', ')} to be free`,
    async () => {
      if (!(await take(dir, ALLOCATING))) return [false, 'another file is choosing'] as const;
      try {
        return await takeTogether(dir, names, count);
      } finally {
        await releaseLease(dir, ALLOCATING);
      }
    },
    { timeoutMs },
  );
}

export async function releaseLease(dir: string, name: string): Promise<void> {
  await rm(join(dir, name), { force: true });
}

async function takeTogether(
  dir: string,
  names: readonly string[],
  count: number,
): Promise<string[] | readonly [false, unknown]> {
  const taken: string[] = [];
  for (const name of names) {
    if (taken.length < count && (await take(dir, name))) taken.push(name);
  }
  if (taken.length === count) return taken;
  for (const name of taken) await releaseLease(dir, name);
  return [false, `${taken.length} free`] as const;
}

async function take(dir: string, name: string): Promise<boolean> {
  const file = join(dir, name);
  try {
    await writeFile(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const owner = Number(await readFile(file, 'utf8').catch(() => ''));
  // An empty file is one that is being written.
  if (owner > 0 && !isAlive(owner)) await rm(file, { force: true });
  return false;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
