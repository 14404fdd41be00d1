/** What is done once before a local fleet starts: what would be missing is said, programs are built, the engine prepared. */
import { join } from 'node:path';
import { startProgram } from '../processes/program.ts';
import { isKubelabBuilt, requireGo } from '../kubelab/build.ts';
import { root } from '../root.ts';
import { prepareEngine, type PreparedEngine } from './engine.ts';
import { requireMemory } from './memory.ts';
import type { Engine } from './options.ts';
import { step } from './say.ts';

export class SetUpError extends Error {
  override readonly name = 'SetUpError';
}

const BUILD_SCRIPT = join(root, 'test/testkit/src/runner/build.ts');

export interface SetUpOptions {
  engine: Engine;
  clusters: number;
  /** False: what was built before is started as it is. */
  build: boolean;
}

export async function setUp(
  { engine, clusters, build }: SetUpOptions,
  signal: AbortSignal,
): Promise<PreparedEngine> {
  // Better to hear at once what would be missing after a minute.
  if (engine.kind === 'kubelab' && !(await isKubelabBuilt())) await requireGo();
  const count = engine.kind === 'kubeconfig' ? engine.contexts.length : clusters;
  requireMemory(engine.kind, count, process.availableMemory());
  if (build) await step('build', () => buildPrograms(signal));
  return prepareEngine(engine, clusters, signal);
}

/** The programs of this checkout, by the same script as `npm run build`. */
async function buildPrograms(signal: AbortSignal): Promise<void> {
  const args = ['--conditions=@flotilla/source', BUILD_SCRIPT];
  const program = startProgram({ name: 'build', command: process.execPath, args, cwd: root });
  const abort = () => void program.stop({ signal: 'SIGKILL' });
  signal.addEventListener('abort', abort, { once: true });
  const { code } = await program.exited;
  signal.removeEventListener('abort', abort);
  signal.throwIfAborted();
  if (code !== 0) throw new SetUpError(`the build failed:\n${program.output().trim()}`);
}
