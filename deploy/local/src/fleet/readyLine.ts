/** The line by which a hub or an agent says that it listens, and where. */
import { ProgramError, untilReady, type Program } from '../processes/program.ts';

export type ReadyLine = Record<string, unknown>;

export async function readyLineOf(program: Program, timeoutMs: number): Promise<ReadyLine> {
  let found: ReadyLine | undefined;
  await untilReady(
    program,
    () => {
      found = findReadyLine(program.output());
      return Promise.resolve(found !== undefined);
    },
    timeoutMs,
  );
  if (found === undefined) throw new ProgramError(program.name, 'did not say where it listens', '');
  return found;
}

/** Only whole lines count: the last one may still be written. */
export function findReadyLine(output: string): ReadyLine | undefined {
  const lines = output.split('\n').slice(0, -1);
  const line = lines.find((text) => text.startsWith('{"msg":"ready"'));
  return line === undefined ? undefined : (JSON.parse(line) as ReadyLine);
}
