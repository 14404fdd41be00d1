/** What it means that a program of the fleet ended which nobody asked to end, in one sentence. */
import type { Exit } from '../processes/program.ts';

export interface ProgramEnd {
  name: string;
  exit: Exit;
  output: string;
  logFile: string | undefined;
}

const OUT_OF_MEMORY = /heap out of memory|ENOMEM|cannot allocate memory|out of memory/i;
const MIB = 1024 * 1024;

export function sentenceOfEnd({ name, exit, output, logFile }: ProgramEnd, availableBytes: number): string {
  const advice = `${Math.round(availableBytes / MIB)} MB are free now; free some, or start with fewer --clusters`;
  const log = logFile === undefined ? '' : `; its log: ${logFile}`;
  if (OUT_OF_MEMORY.test(output)) return `${name} ended since it had no memory left: ${advice}${log}`;
  if (exit.signal === 'SIGKILL')
    return `${name} was killed, and not by this start, which is what a system does when memory is short: ${advice}${log}`;
  const how = exit.signal === null ? `with exit code ${exit.code}` : `by ${exit.signal}`;
  return `${name} ended ${how}${log}`;
}
