/**
 * The hub's process. `serve` refuses to start when the schema is behind, prints one line on stdout when it is ready and
 * drains on SIGTERM; `migrate` runs the migrations; `openapi` prints the contract; `recover` brings a fleet on after a
 * restored backup. Exit 0 done, 1 failed, 64 usage, 78 configuration.
 */
import 'reflect-metadata';
import { ConfigError, loadConfig, type HubConfig } from './platform/config.ts';
import { defaultMigrationsDir, migrate } from './platform/migrate.ts';

const usage = 'usage: hub serve | migrate | openapi | recover [--apply]\n';

type Command = (config: HubConfig, args: string[]) => Promise<number>;

/** Each loads only what it needs: the server is two seconds of CPU that migrations need not wait for. */
const commands: Record<string, () => Promise<Command>> = {
  serve: async () => (await import('./serve.ts')).serve,
  migrate: () => Promise.resolve(runMigrations),
  openapi: async () => (await import('./serve.ts')).printOpenApi,
  recover: async () => (await import('./recoverCommand.ts')).recoverCommand,
};

process.exitCode = await main(process.argv.slice(2));

async function main([name = 'serve', ...args]: string[]): Promise<number> {
  const load = commands[name];
  if (!load) {
    process.stderr.write(usage);
    return 64;
  }
  try {
    // The contract does not depend on where the hub runs.
    const config = name === 'openapi' ? loadConfig({ DATABASE_URL: 'postgresql://nowhere' }) : loadConfig();
    const command = await load();
    return await command(config, args);
  } catch (error) {
    return report(error);
  }
}

async function runMigrations(config: HubConfig): Promise<number> {
  const names = await migrate(config.databaseDirectUrl, config.migrationsDir ?? defaultMigrationsDir());
  process.stdout.write(`${JSON.stringify({ msg: 'migrated', migrations: names })}\n`);
  return 0;
}

function report(error: unknown): number {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  if (error instanceof ConfigError) {
    process.stderr.write(`${JSON.stringify({ level: 'fatal', msg: message, variable: error.variable })}\n`);
    return 78;
  }
  process.stderr.write(`${JSON.stringify({ level: 'fatal', msg: message, stack })}\n`);
  return 1;
}
