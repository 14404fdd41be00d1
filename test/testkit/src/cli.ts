/** The command line as a person runs it: a process of its own, which knows of the hub only what its environment says. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import type { Hub } from '@flotilla/local/fleet/hub';
import { root } from './root.ts';

export interface CliResult {
  code: number;
  stdout: string;
  stderr: string;
}

const program = join(root, 'control-plane/cli/dist/main.js');
const timeoutMs = 60_000;

export function runCli(hub: Pick<Hub, 'url' | 'token' | 'caFile'>, ...args: string[]): Promise<CliResult> {
  const env = {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    NO_COLOR: '1',
    FLOTILLA_URL: hub.url,
    FLOTILLA_TOKEN: hub.token,
    FLOTILLA_CA_FILE: hub.caFile,
  };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [program, ...args], { env, timeout: timeoutMs }, (error, stdout, stderr) => {
      const code = error?.code ?? 0;
      if (typeof code !== 'number')
        return reject(new Error('the command line did not run', { cause: error }));
      resolve({ code, stdout: stripVTControlCharacters(stdout), stderr: stripVTControlCharacters(stderr) });
    });
  });
}
