/** The hub's configuration: the only place that reads the environment. A bad value is a ConfigError that names its variable. */
import { isIP } from 'node:net';

export type HubRole = 'api' | 'agents' | 'worker';

export interface ListenAddress {
  host: string;
  /** 0: any free port. */
  port: number;
}

/** A class, so that it can be injected; made by `loadConfig` alone. */
export class HubConfig {
  readonly roles: readonly HubRole[] = ['api', 'agents', 'worker'];
  readonly databaseUrl: string = '';
  /** For LISTEN, which a transaction pooler cannot do. */
  readonly databaseDirectUrl: string = '';
  readonly databasePoolMax: number = 20;
  /** Null: queues live in Postgres. */
  readonly redisUrl: string | null = null;
  readonly http: ListenAddress = { host: '127.0.0.1', port: 8443 };
  /** `off` where an ingress ends TLS. */
  readonly httpTls: boolean = true;
  readonly grpc: ListenAddress = { host: '127.0.0.1', port: 8444 };
  /** Null: where the listener is. */
  readonly publicUrl: string | null = null;
  readonly grpcPublicUrl: string | null = null;
  readonly trustDomain: string = 'flotilla';
  readonly keyFile: string = '.flotilla/hub.key';
  readonly bootstrapTokenFile: string | null = null;
  /** Hosts that may be private or reached by plain http. */
  readonly sourcesAllow: readonly string[] = [];
  /** The same for what gates of rollouts ask. */
  readonly gatesAllow: readonly string[] = [];
  /** Addresses or networks whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[] = [];
  readonly logLevel: string = 'info';
  /** What a lost hint costs at most. Not for the environment: tests alone set it, to see that no scan is needed. */
  readonly scanIntervalMs: number = 5_000;
  /** Where `hub migrate` finds migrations; null: beside the program. */
  readonly migrationsDir: string | null = null;
}

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly variable: string;

  constructor(variable: string, problem: string) {
    super(`${variable} ${problem}`);
    this.variable = variable;
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

const roles: readonly HubRole[] = ['api', 'agents', 'worker'];
const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** @throws ConfigError */
export function loadConfig(env: Environment = process.env): HubConfig {
  const databaseUrl = urlOf(env, 'DATABASE_URL', ['postgres:', 'postgresql:']);
  if (databaseUrl === null) throw new ConfigError('DATABASE_URL', 'is not set');
  return Object.assign(new HubConfig(), {
    roles: rolesOf(env),
    databaseUrl,
    databaseDirectUrl: urlOf(env, 'DATABASE_DIRECT_URL', ['postgres:', 'postgresql:']) ?? databaseUrl,
    databasePoolMax: numberOf(env, 'HUB_DATABASE_POOL_MAX', 20, 2, 500),
    redisUrl: urlOf(env, 'REDIS_URL', ['redis:', 'rediss:']),
    http: addressOf(env, 'HUB_HTTP_LISTEN', 8443),
    httpTls: choiceOf(env, 'HUB_HTTP_TLS', ['on', 'off'], 'on') === 'on',
    grpc: addressOf(env, 'HUB_GRPC_LISTEN', 8444),
    publicUrl: urlOf(env, 'HUB_PUBLIC_URL', ['https:', 'http:']),
    grpcPublicUrl: urlOf(env, 'HUB_GRPC_PUBLIC_URL', ['https:']),
    trustDomain: trustDomainOf(env),
    keyFile: textOf(env, 'HUB_KEY_FILE') ?? '.flotilla/hub.key',
    bootstrapTokenFile: textOf(env, 'HUB_BOOTSTRAP_TOKEN_FILE'),
    sourcesAllow: listOf(env, 'HUB_SOURCES_ALLOW'),
    gatesAllow: listOf(env, 'HUB_GATES_ALLOW'),
    trustedProxies: proxiesOf(env),
    logLevel: choiceOf(env, 'HUB_LOG_LEVEL', logLevels, 'info'),
    migrationsDir: textOf(env, 'HUB_MIGRATIONS_DIR'),
  });
}

function textOf(env: Environment, variable: string): string | null {
  const value = env[variable]?.trim();
  return value === undefined || value === '' ? null : value;
}

function listOf(env: Environment, variable: string): string[] {
  const items = (textOf(env, variable) ?? '').split(',').map((item) => item.trim());
  return items.filter((item) => item !== '');
}

function urlOf(env: Environment, variable: string, protocols: string[]): string | null {
  const value = textOf(env, variable);
  if (value === null) return null;
  if (!URL.canParse(value) || !protocols.includes(new URL(value).protocol)) {
    throw new ConfigError(variable, `is not a URL of ${protocols.join(' or ')}`);
  }
  return protocols.includes('https:') ? value.replace(/\/+$/, '') : value;
}

function numberOf(env: Environment, variable: string, fallback: number, min: number, max: number): number {
  const value = textOf(env, variable);
  if (value === null) return fallback;
  const number = Number(value);
  if (!Number.isInteger(number) || number < min || number > max) {
    throw new ConfigError(variable, `is not a number from ${min} to ${max}`);
  }
  return number;
}

function choiceOf(env: Environment, variable: string, choices: string[], fallback: string): string {
  const value = textOf(env, variable) ?? fallback;
  if (!choices.includes(value)) throw new ConfigError(variable, `is none of ${choices.join(', ')}`);
  return value;
}

function rolesOf(env: Environment): HubRole[] {
  const names = listOf(env, 'HUB_ROLES');
  if (names.length === 0) return [...roles];
  const unknown = names.find((name) => !roles.includes(name as HubRole));
  if (unknown !== undefined)
    throw new ConfigError('HUB_ROLES', `has unknown role ${JSON.stringify(unknown)}`);
  return roles.filter((role) => names.includes(role));
}

/** `host:port`, `[::1]:port` or `:port`. */
function addressOf(env: Environment, variable: string, defaultPort: number): ListenAddress {
  const value = textOf(env, variable) ?? `127.0.0.1:${defaultPort}`;
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]*):(\d{1,5})$/.exec(value);
  const port = Number(match?.[2]);
  if (match === null || port > 65535) throw new ConfigError(variable, 'is not host:port');
  const host = (match[1] ?? '').replace(/^\[|\]$/g, '');
  return { host: host === '' ? '0.0.0.0' : host, port };
}

function trustDomainOf(env: Environment): string {
  const value = textOf(env, 'HUB_TRUST_DOMAIN') ?? 'flotilla';
  if (!/^[a-z0-9]([a-z0-9.-]{0,253}[a-z0-9])?$/.test(value)) {
    throw new ConfigError('HUB_TRUST_DOMAIN', 'is not a DNS name');
  }
  return value;
}

function proxiesOf(env: Environment): string[] {
  const proxies = listOf(env, 'HUB_TRUSTED_PROXIES');
  const wrong = proxies.find((proxy) => isIP(proxy.split('/')[0] ?? '') === 0);
  if (wrong !== undefined) {
    throw new ConfigError(
      'HUB_TRUSTED_PROXIES',
      `has ${JSON.stringify(wrong)}, which is no address or network`,
    );
  }
  return proxies;
}
