/** Lets one process at a time build: a folder that is made names the process, and a dead process holds nothing. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 1000;
/** How long a lock may name nobody: between the making of its folder and the writing of its file. */
const UNNAMED_MAX_MS = 5000;

export async function withBuildLock<T>(
  lockDir: string,
  progress: (message: string) => void,
  work: () => Promise<T>,
): Promise<T> {
  await acquire(lockDir, progress);
  try {
    return await work();
  } finally {
    await rm(lockDir, { recursive: true, force: true });
  }
}

async function acquire(lockDir: string, progress: (message: string) => void): Promise<void> {
  let unnamedSince: number | undefined;
  let saidSo = false;
  for (;;) {
    if (await makeLock(lockDir)) return;
    const pid = Number(await readFile(join(lockDir, 'pid'), 'utf8').catch(() => ''));
    unnamedSince = pid === 0 ? (unnamedSince ?? performance.now()) : undefined;
    const abandoned = unnamedSince !== undefined && performance.now() - unnamedSince > UNNAMED_MAX_MS;
    if (abandoned || (pid !== 0 && !isAlive(pid))) {
      await rm(lockDir, { recursive: true, force: true });
      continue;
    }
    if (!saidSo) progress(`waiting for process ${pid}, which is building local Kubernetes`);
    saidSo = true;
    await delay(POLL_MS);
  }
}

async function makeLock(lockDir: string): Promise<boolean> {
  try {
    await mkdir(lockDir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  await writeFile(join(lockDir, 'pid'), String(process.pid));
  return true;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
