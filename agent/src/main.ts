/**
 * The agent as a process: configuration, the first line on stdout, signals, exit codes. 0 after SIGTERM, 78 for a bad
 * configuration (the variable is named), 1 for a fault of the program.
 */
import { pino } from 'pino';
import { runAgent } from './agent.ts';
import type { Config } from './config.ts';
import { ConfigError, readConfig } from './config.ts';
import { describeError } from './describeError.ts';
import type { Log } from './log.ts';
import type { Readiness } from './ops/healthServer.ts';
import { serveHealth } from './ops/healthServer.ts';

const configurationExitCode = 78;

async function main(): Promise<void> {
  const config = readConfigOrExit();
  const log: Log = pino(
    { level: config.logLevel, base: {}, serializers: { error: describeError } },
    pino.destination(2),
  );
  const stopping = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.once(name, () => stopping.abort(new Error(`stopped by ${name}`)));
  }
  const readiness: Readiness = { ready: false, phase: 'starting' };
  const health = await serveHealth(config.httpListen, () => readiness);
  process.stdout.write(`${JSON.stringify({ msg: 'ready', http: health.address })}\n`);
  try {
    await runAgent({ config, log, readiness }, stopping.signal);
  } finally {
    await health.close();
  }
}

function readConfigOrExit(): Config {
  try {
    return readConfig();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(configurationExitCode);
  }
}

await main();
