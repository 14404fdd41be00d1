/** Builds what a local fleet runs: the programs of this checkout, by the same script as `npm run build`. */
import { join } from 'node:path';
import { startProgram } from '../processes/program.ts';
import { root } from '../root.ts';

export class SetUpError extends Error {
  override readonly name = 'SetUpError';
}

const BUILD_SCRIPT = join(root, 'test/testkit/src/runner/build.ts');

export async function buildPrograms(signal: AbortSignal): Promise<void> {
  const args = ['--conditions=@flotilla/source', BUILD_SCRIPT];
  const program = startProgram({ name: 'build', command: process.execPath, args, cwd: root });
  const abort = () => void program.stop({ signal: 'SIGKILL' });
  signal.addEventListener('abort', abort, { once: true });
  const { code } = await program.exited;
  signal.removeEventListener('abort', abort);
  signal.throwIfAborted();
  if (code !== 0) throw new SetUpError(`the build failed:\n${program.output().trim()}`);
}
