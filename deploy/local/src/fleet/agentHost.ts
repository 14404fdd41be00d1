/**
 * Many agents on few processes, for fleets of hundreds on one machine: an agent costs 100 MB and half a second of CPU as a
 * process of its own, a few megabytes beside others. Each is the whole agent, `agent/src/several.ts` runs them.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startProgram, type Program } from '../processes/program.ts';
import { root } from '../root.ts';
import { prepareAgent, type AgentOptions } from './agent.ts';
import { readyLineOf } from './readyLine.ts';

export interface AgentHostOptions {
  /** For messages. */
  name: string;
  /** Of the list of its agents and of its log. */
  dir: string;
  agents: readonly AgentOptions[];
}

const READY_TIMEOUT_MS = 120_000;
const SEVERAL_PROGRAM = join(root, 'agent/dist/several.js');

export async function startAgentHost({ name, dir, agents }: AgentHostOptions): Promise<Program> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const listed = await Promise.all(
    agents.map(async (options) => ({ name: options.name, environment: await prepareAgent(options) })),
  );
  const file = join(dir, 'agents.json');
  await writeFile(file, JSON.stringify(listed, null, 2), { mode: 0o600 });
  const program = startProgram({
    name,
    command: process.execPath,
    args: [SEVERAL_PROGRAM, file],
    env: { NODE_OPTIONS: undefined },
    logFile: join(dir, 'agents.log'),
  });
  try {
    await readyLineOf(program, READY_TIMEOUT_MS);
    return program;
  } catch (error) {
    await program.stop({ signal: 'SIGKILL' });
    throw error;
  }
}
