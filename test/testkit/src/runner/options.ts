/** The arguments of `npm test`. */
import { parseArgs } from 'node:util';
import { tiers, type Tier } from './tiers.ts';

export interface RunnerOptions {
  tiers: Tier[];
  check: boolean;
  /** Where to write the totals as JSON. */
  json: string | null;
  /** Only tests whose name matches. */
  grep: string | null;
}

export const usage = `usage: npm test [-- ${tiers.join('|')}|check …] [--json FILE] [--grep REGEX]`;

export class UsageError extends Error {
  override readonly name = 'UsageError';
}

function isTier(word: string): word is Tier {
  return (tiers as readonly string[]).includes(word);
}

export function parseOptions(args: string[]): RunnerOptions {
  const { values, positionals } = parse(args);
  const unknown = positionals.filter((word) => word !== 'check' && !isTier(word));
  if (unknown.length > 0) throw new UsageError(`unknown tier ${unknown.join(', ')}\n${usage}`);
  const all = positionals.length === 0;
  return {
    tiers: tiers.filter((tier) => all || positionals.includes(tier)),
    check: all || positionals.includes('check'),
    json: values.json ?? null,
    grep: values.grep ?? null,
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: { json: { type: 'string' }, grep: { type: 'string' } },
    });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n${usage}`);
  }
}
