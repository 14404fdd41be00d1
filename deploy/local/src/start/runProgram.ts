/** A program of the local fleet from its first signal to its exit code: 64 for its arguments, 1 for what broke or was not seen. */
import { UsageError } from './arguments.ts';
import { explain } from './explain.ts';
import { say } from './say.ts';

const USAGE_EXIT_CODE = 64;

/** `run` is aborted when a person or the system asks for the end. */
export async function runProgram(run: (stopping: AbortController) => Promise<number>): Promise<number> {
  const stopping = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => stopping.abort());
  }
  try {
    return await run(stopping);
  } catch (error) {
    if (error instanceof UsageError) {
      say(error.message);
      return USAGE_EXIT_CODE;
    }
    if (stopping.signal.aborted) return 1;
    say(explain(error));
    return 1;
  }
}
