/**
 * The agent's environment, read once and nowhere else. What is wrong names its variable; the process then ends
 * with 78, so that a person sees which line of the manifest to mend and nothing restarts in vain.
 */
import os from 'node:os';
import path from 'node:path';

export interface Config {
  /** `https://host[:port]`, without a path. */
  hubUrl: URL;
  /** SHA-256 of the hub CA's certificate (DER), lower-case hex; null: the system's roots decide alone. */
  hubCaSha256: string | null;
  /** Where the registration token lies; null once enrolled. */
  tokenFile: string | null;
  namespace: string;
  dataDir: string;
  /** Names this pod: its next process takes the Lease over without waiting. Null: every process is a stranger. */
  podUid: string | null;
  httpListen: { host: string; port: number };
  logLevel: LogLevel;
  kube: KubeConfig;
}

const logLevels = ['debug', 'info', 'warn', 'error'] as const;

export type LogLevel = (typeof logLevels)[number];

export type KubeConfig =
  | { kind: 'inCluster'; host: string; port: string }
  | { kind: 'kubeconfig'; file: string; context: string | null };

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly variable: string;

  constructor(variable: string, problem: string) {
    super(`${variable}: ${problem}`);
    this.variable = variable;
  }
}

type Environment = Record<string, string | undefined>;

const loopbackHosts = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Throws `ConfigError`. An empty variable counts as not set. */
export function readConfig(environment: Environment = process.env): Config {
  return {
    hubUrl: readHubUrl(environment),
    hubCaSha256: readPin(environment),
    tokenFile: optional(environment, 'AGENT_TOKEN_FILE'),
    namespace: readNamespace(environment),
    dataDir: path.resolve(optional(environment, 'AGENT_DATA_DIR') ?? '/var/lib/flotilla-agent'),
    podUid: optional(environment, 'AGENT_POD_UID'),
    httpListen: readListen(environment),
    logLevel: readLogLevel(environment),
    kube: readKube(environment),
  };
}

function readNamespace(environment: Environment): string {
  const namespace = optional(environment, 'AGENT_NAMESPACE') ?? 'flotilla-system';
  if (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(namespace)) return namespace;
  throw new ConfigError('AGENT_NAMESPACE', 'not a namespace name (lower-case letters, digits and hyphens)');
}

function readListen(environment: Environment): { host: string; port: number } {
  const variable = 'AGENT_HTTP_LISTEN';
  const match = /^(\[[0-9a-f:]+\]|[^:]+):(\d{1,5})$/i.exec(optional(environment, variable) ?? '127.0.0.1:0');
  const [, host, port] = match ?? [];
  if (host === undefined || Number(port) > 65_535) throw new ConfigError(variable, 'not host:port');
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

function readLogLevel(environment: Environment): LogLevel {
  const variable = 'AGENT_LOG_LEVEL';
  const asked = optional(environment, variable) ?? 'info';
  const level = logLevels.find((known) => known === asked);
  if (level === undefined) throw new ConfigError(variable, `not one of ${logLevels.join(', ')}`);
  return level;
}

function readHubUrl(environment: Environment): URL {
  const variable = 'AGENT_HUB_URL';
  const value = optional(environment, variable);
  if (value === null)
    throw new ConfigError(variable, 'is not set: the url of the hub, such as https://hub.example.com');
  if (!URL.canParse(value)) throw new ConfigError(variable, 'not a url');
  const url = new URL(value);
  if (url.username !== '' || url.password !== '')
    throw new ConfigError(variable, 'must not carry a user or password');
  if (url.protocol === 'https:') return url;
  if (url.protocol === 'http:' && loopbackHosts.has(url.hostname)) return url;
  throw new ConfigError(variable, 'must start with https:// (http:// is for a hub on this machine only)');
}

function readPin(environment: Environment): string | null {
  const variable = 'AGENT_HUB_CA_SHA256';
  const value = optional(environment, variable);
  if (value === null) return null;
  const hex = value
    .replace(/^sha256:/i, '')
    .replaceAll(':', '')
    .toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(hex)) throw new ConfigError(variable, 'not a sha-256 in hex');
  return hex;
}

function readKube(environment: Environment): KubeConfig {
  const file = optional(environment, 'KUBECONFIG');
  const context = optional(environment, 'AGENT_CONTEXT');
  const host = optional(environment, 'KUBERNETES_SERVICE_HOST');
  const port = optional(environment, 'KUBERNETES_SERVICE_PORT');
  if (file !== null) return { kind: 'kubeconfig', file: firstOfList(file), context };
  if (host !== null && port !== null) {
    if (context !== null)
      throw new ConfigError('AGENT_CONTEXT', 'names a context, so KUBECONFIG must name its file');
    return { kind: 'inCluster', host, port };
  }
  return { kind: 'kubeconfig', file: path.join(os.homedir(), '.kube', 'config'), context };
}

/** kubectl merges a list of files; the agent has one cluster and takes the first. */
function firstOfList(files: string): string {
  return files.split(path.delimiter).find((file) => file !== '') ?? files;
}

function optional(environment: Environment, variable: string): string | null {
  const value = environment[variable]?.trim();
  return value === undefined || value === '' ? null : value;
}
