/**
 * One real API server with RBAC, tokens from a file and an audit log. Its folder holds all it needs to come back with the
 * same identity: certificates, service account key and tokens.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { allocatePort, withPortRetry } from '../ports.ts';
import { startProgram, untilReady, type Program } from '../processes/program.ts';
import { ApiConnection, type ApiAccess } from './api.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import { KUBELAB_SOURCE_DIR } from './locate.ts';

export interface ApiServerOptions {
  name: string;
  binDir: string;
  dir: string;
  etcdUrl: string;
  /** A port to ask for first, so that a restart keeps its URL. */
  port?: number;
}

export interface ApiServer {
  name: string;
  dir: string;
  port: number;
  access: ApiAccess;
  api: ApiConnection;
  kubeconfig: string;
  auditLog: string;
  program: Program;
}

/** Who the tokens are for; the names are those that the audit policy knows. */
const TOKENS = {
  admin: 'kubelab:admin',
  controllers: 'system:kube-controller-manager',
  scheduler: 'system:kube-scheduler',
  kwok: 'kubelab:kwok',
} as const;

export type TokenUser = keyof typeof TOKENS;

/** Seconds on an idle machine; a busy one gets its time. */
const READY_TIMEOUT_MS = 180_000;

export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  await mkdir(join(options.dir, 'certificates'), { recursive: true, mode: 0o700 });
  await makeServiceAccountKey(options.dir);
  const tokens = await readOrMakeTokens(options.dir);
  let wantedPort = options.port;
  return withPortRetry(async () => {
    const port = wantedPort ?? (await allocatePort());
    wantedPort = undefined;
    const logFile = join(options.dir, 'kube-apiserver.log');
    const command = join(options.binDir, 'kube-apiserver');
    const args = argumentsOf(options, port);
    const program = startProgram({ name: `kube-apiserver of ${options.name}`, command, args, logFile });
    const url = `https://127.0.0.1:${port}`;
    const access = await untilServing(program, options.dir, url, tokens.admin);
    const kubeconfig = join(options.dir, 'kubeconfig');
    await writeKubeconfig(kubeconfig, options.name, access);
    const auditLog = join(options.dir, 'audit.log');
    return {
      name: options.name,
      dir: options.dir,
      port,
      access,
      api: new ApiConnection(access),
      kubeconfig,
      auditLog,
      program,
    };
  });
}

/** A kubeconfig for one of Kubernetes' own components. */
export async function writeComponentKubeconfig(server: ApiServer, user: TokenUser): Promise<string> {
  const tokens = await readOrMakeTokens(server.dir);
  const file = join(server.dir, `${user}.kubeconfig`);
  await writeKubeconfig(file, server.name, { ...server.access, token: tokens[user] });
  return file;
}

export function serviceAccountKeyOf(dir: string): string {
  return join(dir, 'service-account.key');
}

function argumentsOf({ name, dir, etcdUrl }: ApiServerOptions, port: number): string[] {
  const key = serviceAccountKeyOf(dir);
  const flags: Record<string, string> = {
    'etcd-servers': etcdUrl,
    'etcd-prefix': `/${name}`,
    'bind-address': '127.0.0.1',
    'secure-port': String(port),
    // A loopback address is refused for the Service `kubernetes`; nobody needs its endpoints, so name one that leads nowhere.
    'advertise-address': '192.0.2.1',
    'endpoint-reconciler-type': 'none',
    'cert-dir': join(dir, 'certificates'),
    'authorization-mode': 'RBAC',
    'token-auth-file': join(dir, 'tokens.csv'),
    'service-account-issuer': 'https://kubernetes.default.svc',
    'service-account-key-file': key,
    'service-account-signing-key-file': key,
    'service-cluster-ip-range': '10.96.0.0/16',
    'audit-policy-file': join(KUBELAB_SOURCE_DIR, 'audit-policy.yaml'),
    'audit-log-path': join(dir, 'audit.log'),
    'audit-log-maxsize': '1024',
    'audit-log-maxbackup': '1',
    profiling: 'false',
  };
  return Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
}

async function untilServing(program: Program, dir: string, url: string, token: string): Promise<ApiAccess> {
  const caFile = join(dir, 'certificates', 'apiserver.crt');
  let access: ApiAccess = { url, ca: '', token };
  await untilReady(
    program,
    async () => {
      // Read anew each time: at first the file may be there and not yet whole.
      access = { url, ca: await readFile(caFile, 'utf8'), token };
      return isReady(access);
    },
    READY_TIMEOUT_MS,
  );
  return access;
}

async function isReady(access: ApiAccess): Promise<boolean> {
  const connection = new ApiConnection(access);
  try {
    return (await connection.send('/readyz')).status === 200;
  } finally {
    connection.close();
  }
}

async function makeServiceAccountKey(dir: string): Promise<void> {
  const file = serviceAccountKeyOf(dir);
  if (existsSync(file)) return;
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writeFile(file, privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 });
}

async function readOrMakeTokens(dir: string): Promise<Record<TokenUser, string>> {
  const file = join(dir, 'tokens.csv');
  if (!existsSync(file)) {
    const lines = Object.values(TOKENS).map(
      (user) => `${randomBytes(24).toString('base64url')},${user},${user},"system:masters"\n`,
    );
    await writeFile(file, lines.join(''), { mode: 0o600 });
  }
  const byUser = new Map(
    (await readFile(file, 'utf8')).split('\n').map((line) => [line.split(',')[1], line.split(',')[0]]),
  );
  const tokens = Object.entries(TOKENS).map(([name, user]) => [name, byUser.get(user) ?? '']);
  return Object.fromEntries(tokens) as Record<TokenUser, string>;
}
