/** Finds processes that a test run left behind: all of them carry the run's file in their environment. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { supervisorPid } from '@flotilla/local/processes/supervisor';

export interface Leftover {
  pid: number;
  command: string;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // gone meanwhile, or somebody else's
  }
}

/** What was ended a moment ago may need one to be gone. */
const goneWithinMs = 3000;
const pollMs = 50;

/** Processes of the run that are still there after a moment; this one and its supervisor are expected to be. */
export async function findLeftovers(runFile: string): Promise<Leftover[]> {
  const deadline = performance.now() + goneWithinMs;
  for (;;) {
    const leftovers = leftoversOf(runFile).filter(({ pid }) => pid !== supervisorPid());
    if (leftovers.length === 0 || performance.now() > deadline) return leftovers;
    await delay(pollMs);
  }
}

/** Only where /proc tells; elsewhere none are found. */
export function leftoversOf(runFile: string): Leftover[] {
  let pids: string[] = [];
  try {
    pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
  return pids
    .filter(
      (pid) =>
        Number(pid) !== process.pid &&
        read(`/proc/${pid}/environ`)
          .split('\0')
          .some((entry) => entry.endsWith(`=${runFile}`)),
    )
    .map((pid) => ({ pid: Number(pid), command: read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim() }));
}
