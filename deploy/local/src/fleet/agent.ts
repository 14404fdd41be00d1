/** An agent as a process of its own, outside of the cluster it serves, by kubeconfig. Ready means that it runs, not that it is enrolled. */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startProgram, type Exit, type Program } from '../processes/program.ts';
import { root } from '../root.ts';
import { readyLineOf } from './readyLine.ts';

export interface AgentOptions {
  /** For messages. */
  name: string;
  /** Its data and token; kept across restarts. */
  dir: string;
  hubUrl: string;
  caSha256: string;
  /** Only for a first start. */
  token?: string;
  kubeconfig: string;
  context?: string;
  /** Where it keeps its Secrets and Lease; must exist. */
  namespace: string;
  env?: Record<string, string | undefined>;
  /** Without it the output is kept in memory. */
  logFile?: string;
}

export interface Agent extends AsyncDisposable {
  name: string;
  /** Of its health endpoints. */
  http: string;
  program: Program;
  stop: () => Promise<Exit>;
  crash: () => Promise<Exit>;
}

const READY_TIMEOUT_MS = 120_000;
const AGENT_PROGRAM = join(root, 'agent/dist/agent.mjs');
/** As an agent is to be started: one heap of the C library for all threads of a program that waits most of its life. */
const AGENT_ENVIRONMENT = { MALLOC_ARENA_MAX: '1' };

export async function startAgent(options: AgentOptions): Promise<Agent> {
  const env = await prepareAgent(options);
  const program = startProgram({
    name: `agent of ${options.name}`,
    command: process.execPath,
    args: [AGENT_PROGRAM],
    env: { ...AGENT_ENVIRONMENT, ...env },
    ...(options.logFile === undefined ? {} : { logFile: options.logFile }),
  });
  try {
    const ready = await readyLineOf(program, READY_TIMEOUT_MS);
    const stop = (signal: NodeJS.Signals) => program.stop({ signal });
    return {
      name: options.name,
      http: String(ready['http'] ?? ''),
      program,
      stop: () => stop('SIGTERM'),
      crash: () => stop('SIGKILL'),
      [Symbol.asyncDispose]: async () => void (await stop('SIGTERM')),
    };
  } catch (error) {
    await program.stop({ signal: 'SIGKILL' });
    throw error;
  }
}

/** Makes the agent's folder and returns its environment. */
export async function prepareAgent(options: AgentOptions): Promise<Record<string, string | undefined>> {
  await mkdir(options.dir, { recursive: true, mode: 0o700 });
  const tokenFile = join(options.dir, 'token');
  if (options.token !== undefined) await writeFile(tokenFile, options.token, { mode: 0o600 });
  return {
    AGENT_HUB_URL: options.hubUrl,
    AGENT_HUB_CA_SHA256: options.caSha256,
    // One of an earlier start may not have been used up: an agent that is enrolled does not look at it.
    AGENT_TOKEN_FILE: existsSync(tokenFile) ? tokenFile : undefined,
    AGENT_NAMESPACE: options.namespace,
    AGENT_DATA_DIR: join(options.dir, 'data'),
    AGENT_CONTEXT: options.context,
    // A next process on the same folder is the same pod: it need not wait for the Lease of one that was killed.
    AGENT_POD_UID: options.dir,
    KUBECONFIG: options.kubeconfig,
    NODE_OPTIONS: undefined,
    ...options.env,
  };
}
