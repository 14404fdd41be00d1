/** The API servers in memory of a test run: one program with all of them. */
import path from 'node:path';
import { readyLineOf } from '@flotilla/local/fleet/readyLine';
import { startProgram, type Program } from '@flotilla/local/processes/program';
import type { SimkubeCluster } from '@flotilla/local/simkube/simkube';
import { root } from '../root.ts';
import type { RunCluster } from '../run.ts';

export interface SimClusters {
  clusters: RunCluster[];
  program: Program;
}

const script = path.join(root, 'deploy/local/src/simkube/main.ts');
const readyWithinMs = 30_000;

export async function startSimClusters(dir: string, names: readonly string[]): Promise<SimClusters> {
  const program = startProgram({
    name: 'simkube',
    command: process.execPath,
    args: ['--conditions=@flotilla/source', script, dir, ...names, '--audit'],
    logFile: path.join(dir, 'simkube.log'),
  });
  const ready = await readyLineOf(program, readyWithinMs);
  const clusters = (ready['clusters'] as SimkubeCluster[]).map(
    ({ name, kubeconfig, auditLog }): RunCluster => ({ name, engine: 'sim', kubeconfig, auditLog }),
  );
  return { clusters, program };
}
