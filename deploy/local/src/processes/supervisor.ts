/**
 * Puts process groups under a supervisor program (`supervisorMain.ts`), one for each process that starts any, so that
 * not even a SIGKILL of this process leaves one behind. It is started with the first group.
 */
import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

let pipe: Writable | undefined;
let pid: number | undefined;

/** Of this process's supervisor, once there is one. */
export function supervisorPid(): number | undefined {
  return pid;
}

export function guardGroup(group: number): void {
  pipe ??= startSupervisor();
  pipe.write(`+${group}\n`);
}

export function releaseGroup(group: number): void {
  pipe?.write(`-${group}\n`);
}

function startSupervisor(): Writable {
  const program = fileURLToPath(new URL('./supervisorMain.ts', import.meta.url));
  const child = spawn(process.execPath, [program], { detached: true, stdio: ['pipe', 'ignore', 'inherit'] });
  pid = child.pid;
  child.on('error', (error) => process.emitWarning(error));
  // A supervisor that was killed must not take its parent along by EPIPE.
  child.stdin.on('error', () => {});
  child.unref();
  (child.stdin as Writable & { unref?: () => void }).unref?.();
  return child.stdin;
}
