/**
 * Where the API server is and how to prove who we are. A credential is asked for anew every half minute (token files,
 * exec plugins and certificate files rotate); it keeps its object identity while it has not changed, so that its user
 * knows when to drop connections.
 *
 * Only the small parts of the Kubernetes client are imported: its index costs 135 MB of memory.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { load } from 'js-yaml';
import { newClusters, newContexts, newUsers } from '@kubernetes/client-node/dist/config_types.js';
import type { Cluster, User } from '@kubernetes/client-node/dist/config_types.js';
import { ExecAuth } from '@kubernetes/client-node/dist/exec_auth.js';

export interface Credential {
  ca: string | null;
  cert: string | null;
  key: string | null;
  servername: string | null;
  skipVerify: boolean;
  /** Value of the Authorization header. */
  authorization: string | null;
}

export interface Connection {
  /** Base URL without a trailing slash. */
  server: string;
  /** Namespace of the context or the pod, 'default' where none is said. */
  namespace: string;
  readCredential(): Promise<Credential>;
}

export class KubeconfigError extends Error {
  override readonly name = 'KubeconfigError';
  readonly file: string;

  constructor(file: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.file = file;
  }
}

const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The pod's own service account; `host` and `port` are what the kubelet put into the environment. */
export async function inClusterConnection(
  host: string,
  port: string,
  folder = serviceAccountFolder,
): Promise<Connection> {
  const bracketed = host.includes(':') ? `[${host}]` : host;
  const namespace = await readFile(path.join(folder, 'namespace'), 'utf8');
  return {
    server: `https://${bracketed}:${port}`,
    namespace: namespace.trim(),
    readCredential: async () => ({
      ca: await readFile(path.join(folder, 'ca.crt'), 'utf8'),
      cert: null,
      key: null,
      servername: null,
      skipVerify: false,
      authorization: `Bearer ${(await readFile(path.join(folder, 'token'), 'utf8')).trim()}`,
    }),
  };
}

/** A context of a kubeconfig file, its current one unless named. */
export async function kubeconfigConnection(file: string, contextName?: string): Promise<Connection> {
  const config = await loadKubeconfig(file);
  const name = contextName ?? config['current-context'];
  const context = newContexts(config.contexts).find((candidate) => candidate.name === name);
  const cluster = newClusters(config.clusters).find((candidate) => candidate.name === context?.cluster);
  if (!context || !cluster) throw new KubeconfigError(file, `no usable context ${String(name)} in ${file}`);
  const user = newUsers(config.users).find((candidate) => candidate.name === context.user);
  if (user?.authProvider) {
    throw new KubeconfigError(
      file,
      `auth-provider of user ${user.name} is not supported, use exec or a token file`,
    );
  }
  const folder = path.dirname(file);
  const exec = new ExecAuth();
  return {
    server: cluster.server,
    namespace: context.namespace ?? 'default',
    readCredential: () => kubeconfigCredential(folder, cluster, user, exec),
  };
}

interface RawKubeconfig {
  clusters: unknown;
  contexts: unknown;
  users: unknown;
  'current-context'?: string;
}

async function loadKubeconfig(file: string): Promise<RawKubeconfig> {
  try {
    const parsed: unknown = load(await readFile(file, 'utf8'));
    if (typeof parsed === 'object' && parsed !== null) return parsed as RawKubeconfig;
  } catch (cause) {
    throw new KubeconfigError(file, `cannot read kubeconfig ${file}`, cause);
  }
  throw new KubeconfigError(file, `${file} is not a kubeconfig`);
}

async function kubeconfigCredential(
  folder: string,
  cluster: Cluster,
  user: User | undefined,
  exec: ExecAuth,
): Promise<Credential> {
  const credential: Credential = {
    ca: await dataOrFile(folder, cluster.caData, cluster.caFile),
    cert: await dataOrFile(folder, user?.certData, user?.certFile),
    key: await dataOrFile(folder, user?.keyData, user?.keyFile),
    servername: cluster.tlsServerName ?? null,
    skipVerify: cluster.skipTLSVerify,
    authorization: authorizationOf(user),
  };
  if (!user?.exec) return credential;
  const options: { headers: Record<string, string>; cert?: string; key?: string } = { headers: {} };
  await exec.applyAuthentication(user, options);
  return {
    ...credential,
    cert: options.cert ?? credential.cert,
    key: options.key ?? credential.key,
    authorization: options.headers['Authorization'] ?? null,
  };
}

function authorizationOf(user: User | undefined): string | null {
  if (user?.token) return `Bearer ${user.token}`;
  if (!user?.username) return null;
  return `Basic ${Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64')}`;
}

async function dataOrFile(
  folder: string,
  data: string | undefined | null,
  file: string | undefined | null,
): Promise<string | null> {
  if (data) return Buffer.from(data, 'base64').toString('utf8');
  if (!file) return null;
  return readFile(path.resolve(folder, file), 'utf8');
}
