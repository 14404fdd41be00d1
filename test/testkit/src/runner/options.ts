/** The arguments of `npm test`. */
import { parseArgs } from 'node:util';
import { engines, type Engine } from '../run.ts';
import { tiers, type Tier } from './tiers.ts';

export interface RunnerOptions {
  tiers: Tier[];
  check: boolean;
  /** Where to write the totals as JSON. */
  json: string | null;
  /** Only tests whose name matches. */
  grep: string | null;
  /** Which API servers tests get; all that a file is for, where it is not said. */
  engines: readonly Engine[];
}

export const usage = `usage: npm test [-- ${tiers.join('|')}|check …] [--json FILE] [--grep REGEX] [--kube ${engines.join('|')}]`;

export class UsageError extends Error {
  override readonly name = 'UsageError';
}

function isTier(word: string): word is Tier {
  return (tiers as readonly string[]).includes(word);
}

/** `kube` is what the environment says of the engine; the argument goes before it. */
export function parseOptions(args: string[], kube?: string): RunnerOptions {
  const { values, positionals } = parse(args);
  const unknown = positionals.filter((word) => word !== 'check' && !isTier(word));
  if (unknown.length > 0) throw new UsageError(`unknown tier ${unknown.join(', ')}\n${usage}`);
  const all = positionals.length === 0;
  return {
    tiers: tiers.filter((tier) => all || positionals.includes(tier)),
    check: all || positionals.includes('check'),
    json: values.json ?? null,
    grep: values.grep ?? null,
    engines: parseEngines(values.kube ?? kube),
  };
}

function parseEngines(word: string | undefined): readonly Engine[] {
  if (word === undefined || word === '') return engines;
  const named = engines.filter((engine) => engine === word);
  if (named.length === 0) throw new UsageError(`unknown engine ${word}\n${usage}`);
  return named;
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: { json: { type: 'string' }, grep: { type: 'string' }, kube: { type: 'string' } },
    });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n${usage}`);
  }
}
