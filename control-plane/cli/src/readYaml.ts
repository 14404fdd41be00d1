/** A YAML or JSON document that a flag names: a file, or `-` for stdin. */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { CommandError, exitCodes } from './exit.ts';
import type { Io } from './session.ts';

export async function readYaml(io: Pick<Io, 'stdin'>, file: string): Promise<unknown> {
  const text = file === '-' ? await readAll(io.stdin) : await readFile(file, 'utf8');
  try {
    return parse(text);
  } catch (error) {
    throw new CommandError(exitCodes.usage, `${file} is not valid YAML: ${(error as Error).message}`);
  }
}

async function readAll(input: AsyncIterable<string | Uint8Array>): Promise<string> {
  let text = '';
  for await (const chunk of input)
    text += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
  return text;
}
