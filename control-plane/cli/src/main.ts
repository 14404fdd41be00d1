#!/usr/bin/env node
/** `flotilla`: the program. Everything it does is in `run`; here are only the process's own streams, clock and signals. */
import { readEnvironment } from './config.ts';
import { run } from './program.ts';

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
// A reader that went away, as in `flotilla app list | head`, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
});

process.exitCode = await run(process.argv.slice(2), {
  environment: readEnvironment(),
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  now: () => new Date(),
  signal: interrupted.signal,
});
