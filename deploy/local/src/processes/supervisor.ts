/**
 * Puts process groups under a supervisor program (`supervisorMain.ts`), one for each process that starts any, so that
 * not even a SIGKILL of this process leaves one behind. It is started with the first group.
 */
import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

let pipe: Writable | undefined;

export function guardGroup(pid: number): void {
  pipe ??= startSupervisor();
  pipe.write(`+${pid}\n`);
}

export function releaseGroup(pid: number): void {
  pipe?.write(`-${pid}\n`);
}

function startSupervisor(): Writable {
  const program = fileURLToPath(new URL('./supervisorMain.ts', import.meta.url));
  const child = spawn(process.execPath, [program], { detached: true, stdio: ['pipe', 'ignore', 'inherit'] });
  child.on('error', (error) => process.emitWarning(error));
  // A supervisor that was killed must not take its parent along by EPIPE.
  child.stdin.on('error', () => {});
  child.unref();
  (child.stdin as Writable & { unref?: () => void }).unref?.();
  return child.stdin;
}
