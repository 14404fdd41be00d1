/**
 * The HTTP listener: Nest on fastify, HTTPS by default. Everything is under /api/v1 (the global prefix: controllers name
 * only their own path) except health. Bodies are at most 1 MiB and kept raw beside their parsed form, for signatures.
 */
import { randomUUID } from 'node:crypto';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type DynamicModule, type LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import type { HubConfig } from '../platform/config.ts';
import type { Logger } from '../platform/logger.ts';
import { tagAnswer } from './etag.ts';

const bodyBytesMax = 1024 * 1024;
const outsideOfApi = ['healthz', 'readyz'];

export async function createHttpApplication(
  module: DynamicModule,
  config: HubConfig,
  options: { logger: Logger; preview?: boolean },
): Promise<NestFastifyApplication> {
  const app = await NestFactory.create<NestFastifyApplication>(module, adapterOf(config), {
    logger: nestLogger(options.logger),
    abortOnError: false,
    rawBody: true,
    bufferLogs: false,
    preview: options.preview ?? false,
  });
  app.setGlobalPrefix('api/v1', { exclude: outsideOfApi });
  return app;
}

/** Certificate and key of the listener, at start and whenever they are renewed. */
export function useCertificate(app: NestFastifyApplication, pair: { cert: string; key: string }): void {
  (app.getHttpServer() as unknown as Server).setSecureContext({ ...pair, minVersion: 'TLSv1.2' });
}

/** `host:port` as bound. */
export async function listen(
  app: NestFastifyApplication,
  { host, port }: HubConfig['http'],
): Promise<string> {
  await app.listen(port, host);
  const address = app.getHttpServer().address() as AddressInfo;
  return `${hostToName(address.address)}:${address.port}`;
}

/** Somewhere a client on this machine can connect to. */
export function hostToName(address: string): string {
  if (address === '0.0.0.0' || address === '::') return '127.0.0.1';
  return address.includes(':') ? `[${address}]` : address;
}

function adapterOf(config: HubConfig): FastifyAdapter {
  const adapter = new FastifyAdapter({
    ...(config.httpTls ? { https: { minVersion: 'TLSv1.2' } } : {}),
    bodyLimit: bodyBytesMax,
    trustProxy: config.trustedProxies.length > 0 ? [...config.trustedProxies] : false,
    forceCloseConnections: true,
    requestTimeout: 60_000,
    genReqId: (request: { headers: Record<string, string | string[] | undefined> }) =>
      correlationId(request.headers['x-correlation-id']),
  } as never);
  const fastify = adapter.getInstance() as unknown as FastifyInstance;
  fastify.addHook('onRequest', (request, reply, done) => {
    reply.header('x-correlation-id', request.id);
    reply.header('x-content-type-options', 'nosniff');
    reply.header('referrer-policy', 'no-referrer');
    if (config.httpTls) reply.header('strict-transport-security', 'max-age=31536000');
    const isApi = request.url.startsWith('/api/');
    if (isApi && !config.roles.includes('api')) return void reply.code(404).send();
    done();
  });
  fastify.addHook('onSend', tagAnswer);
  return adapter;
}

function correlationId(header: string | string[] | undefined): string {
  return typeof header === 'string' && /^[A-Za-z0-9._-]{8,64}$/.test(header) ? header : randomUUID();
}

/** Nest's own lines, of which only warnings and errors say anything. */
function nestLogger(logger: Logger): LoggerService {
  return {
    log: (message: unknown, context?: unknown) => logger.debug({ context }, String(message)),
    debug: () => undefined,
    verbose: () => undefined,
    warn: (message: unknown, context?: unknown) => logger.warn({ context }, String(message)),
    error: (message: unknown, ...more: unknown[]) => {
      const error = message instanceof Error ? message : undefined;
      logger.error({ err: error, more: more.map(String) }, error ? 'nest error' : String(message));
    },
    fatal: (message: unknown) => logger.fatal(String(message)),
  };
}
