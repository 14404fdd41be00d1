/** Finds processes that a test run left behind: all of them carry the run's file in their environment. */
import { readdirSync, readFileSync } from 'node:fs';

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
