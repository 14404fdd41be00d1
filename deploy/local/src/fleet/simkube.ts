/** Simulated clusters as a program of their own, on the ports that they had where those are known. */
import { join } from 'node:path';
import { ProgramError, startProgram, type Program } from '../processes/program.ts';
import { root } from '../root.ts';
import type { SimkubeCluster } from '../simkube/simkube.ts';
import { lastMessageOf } from './lastMessage.ts';
import { readyLineOf } from './readyLine.ts';

export interface SimkubeProgramOptions {
  dir: string;
  clusters: readonly { name: string; port?: number | undefined }[];
}

export interface SimkubeProgram {
  clusters: SimkubeCluster[];
  /** Sentences for people, such as of a snapshot that was set aside. */
  notes: string[];
  program: Program;
}

type SimkubeReady = Omit<SimkubeProgram, 'program'>;

/** It said why it does not start. */
export class SimkubeStartError extends Error {
  override readonly name = 'SimkubeStartError';
}

const SIMKUBE_PROGRAM = join(root, 'deploy/local/src/simkube/main.ts');
const READY_TIMEOUT_MS = 120_000;

export async function startSimkubeProgram({ dir, clusters }: SimkubeProgramOptions): Promise<SimkubeProgram> {
  const names = clusters.map(({ name, port }) => (port === undefined ? name : `${name}:${port}`));
  const program = startProgram({
    name: 'simkube',
    command: process.execPath,
    args: ['--conditions=@flotilla/source', SIMKUBE_PROGRAM, dir, ...names],
    env: { NODE_OPTIONS: undefined },
    logFile: join(dir, 'simkube.log'),
  });
  try {
    const ready = await readyLineOf(program, READY_TIMEOUT_MS);
    const { clusters: started, notes } = ready as unknown as SimkubeReady;
    return { clusters: started, notes, program };
  } catch (error) {
    const { code } = await program.stop({ signal: 'SIGKILL' });
    if (!(error instanceof ProgramError) || code !== 1) throw error;
    throw new SimkubeStartError(`the simulated clusters do not start: ${lastMessageOf(program.output())}`, {
      cause: error,
    });
  }
}
