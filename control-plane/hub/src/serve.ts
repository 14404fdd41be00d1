/** Starts everything that HUB_ROLES names, and stops it again in order: streams are told to go elsewhere, work in hand ends, connections close. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AgentServer } from './agents/server.ts';
import { AppModule } from './app.module.ts';
import { Authority } from './clusters/authority.ts';
import { createHttpApplication, hostToName, listen, useCertificate } from './http/server.ts';
import { openApiDocument, serveOpenApi } from './http/openapi.ts';
import { Addresses } from './platform/addresses.ts';
import { ConfigError, type HubConfig } from './platform/config.ts';
import { Lifecycle } from './platform/lifecycle.ts';
import { Loggers } from './platform/logger.ts';
import { defaultMigrationsDir, pendingMigrations } from './platform/migrate.ts';

export async function serve(config: HubConfig): Promise<number> {
  await requireMigrated(config);
  const loggers = new Loggers(config.logLevel);
  const app = await createHttpApplication(AppModule.with(config), config, { logger: loggers.for('nest') });
  const stopped = stopOnSignals(app, loggers);
  const ready = await startOrStop(app, config);
  process.stdout.write(`${JSON.stringify({ msg: 'ready', ...ready })}\n`);
  return stopped;
}

/** What was started by then would keep a process alive that serves nothing. */
async function startOrStop(
  app: NestFastifyApplication,
  config: HubConfig,
): ReturnType<typeof startListening> {
  try {
    serveOpenApi(app);
    await app.init();
    return await startListening(app, config);
  } catch (error) {
    await stopAll(app).catch(() => undefined);
    throw error;
  }
}

export async function printOpenApi(config: HubConfig): Promise<number> {
  const loggers = new Loggers('error');
  const app = await createHttpApplication(AppModule.with(config), config, {
    logger: loggers.for('nest'),
    preview: true,
  });
  process.stdout.write(`${JSON.stringify(openApiDocument(app), null, 2)}\n`);
  return 0;
}

async function requireMigrated(config: HubConfig): Promise<void> {
  const pending = await pendingMigrations(
    config.databaseDirectUrl,
    config.migrationsDir ?? defaultMigrationsDir(),
  );
  if (pending.length > 0)
    throw new ConfigError('DATABASE_URL', `is behind: run \`hub migrate\` (${pending.join(', ')})`);
}

async function startListening(
  app: NestFastifyApplication,
  config: HubConfig,
): Promise<{ http: string; grpc?: string }> {
  const addresses = app.get(Addresses);
  if (config.httpTls) useCertificate(app, await app.get(Authority).issueServer(addresses.serverNames));
  const grpc = await listenForAgents(app, config);
  const http = await listen(app, config.http);
  addresses.boundHttp(http);
  return { http, ...(grpc !== null && { grpc }) };
}

/** Before HTTP, so that an enrolment never names an address that is not bound yet. */
async function listenForAgents(app: NestFastifyApplication, config: HubConfig): Promise<string | null> {
  if (!config.roles.includes('agents')) return null;
  const port = await app.get(AgentServer).listen();
  const address = `${hostToName(config.grpc.host)}:${port}`;
  app.get(Addresses).boundGrpc(address);
  return address;
}

function stopOnSignals(app: NestFastifyApplication, loggers: Loggers): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const logger = loggers.for('hub');
  const stop = (signal: string): void => {
    logger.info({ signal }, 'stopping');
    stopAll(app).then(
      () => resolve(0),
      (error: unknown) => {
        logger.error({ err: error }, 'stopping failed');
        resolve(1);
      },
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  return promise;
}

async function stopAll(app: NestFastifyApplication): Promise<void> {
  await app.get(Lifecycle).stop();
  await app.close();
}
