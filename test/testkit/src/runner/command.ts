/** Runs one program to its end and keeps what it printed; it ends with this process, whatever becomes of that. */
import { spawn } from 'node:child_process';
import { guardGroup, releaseGroup } from '@flotilla/local/processes/supervisor';
import { root } from '../root.ts';

export interface CommandResult {
  code: number;
  /** stdout and stderr as they came. */
  output: string;
}

export interface CommandOptions {
  env?: Record<string, string>;
  /** Also show the output while it comes. */
  echo?: boolean;
}

export function runCommand(
  command: string,
  args: string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
      detached: true,
    });
    const pid = child.pid;
    if (pid !== undefined) guardGroup(pid);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        if (options.echo) process.stderr.write(text);
      });
    }
    child.on('error', reject);
    child.on('close', (code) => {
      if (pid !== undefined) releaseGroup(pid);
      resolve({ code: code ?? 1, output });
    });
  });
}

/** A program of this workspace's dependencies, run by this Node. */
export function runTool(
  script: string,
  args: string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  return runCommand(process.execPath, [`node_modules/${script}`, ...args], options);
}
