/** What the programs of a local fleet take on their command line: bad arguments, and `--help`, are answered by the usage. */
import { parseArgs, type ParseArgsConfig } from 'node:util';

export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Every program has it. */
export const HELP = { help: { type: 'boolean', default: false } } as const;

/** @throws UsageError */
export function readArguments<T extends NonNullable<ParseArgsConfig['options']> & typeof HELP>(
  args: readonly string[],
  options: T,
  usage: string,
) {
  const values = parsed(args, options, usage);
  if ('help' in values && values.help === true) throw new UsageError(usage);
  return values;
}

function parsed<T extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: T,
  usage: string,
) {
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n${usage}`, { cause: error });
  }
}
