/**
 * The supervisor program: ends what its parent started, whatever becomes of the parent.
 *
 * The parent writes `+PID` when it started a process group and `-PID` when that group is gone. When the pipe closes,
 * for whatever reason, every group still on the list is killed and the supervisor exits. It ignores the signals a
 * terminal sends to a whole group, else Ctrl-C would end it before those it has to end.
 */
import { createInterface } from 'node:readline';
import { killGroup } from './group.ts';

async function supervise(): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  const groups = new Set<number>();
  for await (const line of createInterface({ input: process.stdin })) {
    const pid = Number(line.slice(1));
    if (line.startsWith('+')) groups.add(pid);
    else groups.delete(pid);
  }
  for (const pid of groups) killGroup(pid, 'SIGKILL');
}

await supervise();
