/** The arguments of `npm run bench`. */
import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** In the order of the table. */
  only: readonly RowName[];
  /** Counted ones; one more is run first and discarded. */
  rounds: number;
  check: boolean;
  /** File for the figures. */
  json: string | null;
  profile: boolean;
  /** Sizes of the fleet: rows a, c, g and plan are run at each. */
  agents: readonly number[];
  processes: number;
  /** Of row h. */
  targets: number;
  auditRows: number;
  /** Row j is run at each. */
  clusters: readonly number[];
  /** Row apps is run at each. */
  applications: readonly number[];
  /** Rows e, f and i are run at each; null: at the size that each has its budget for. */
  objects: readonly number[] | null;
  /** File for a chart of the rows that were run at several sizes. */
  chart: string | null;
}

export const rowNames = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'git', 'apps', 'plan'] as const;

export type RowName = (typeof rowNames)[number];

export const usage = `usage: npm run bench [-- --only a,f] [--rounds 3] [--check] [--json FILE] [--profile]
    [--agents 1000,5000,10000] [--processes 2] [--targets 100000] [--audit-rows 200000] [--clusters 10000]
    [--applications 100] [--objects 100,1000,10000] [--chart FILE.svg]`;

export class BenchUsageError extends Error {
  override readonly name = 'BenchUsageError';
}

/** @throws BenchUsageError */
export function parseBenchOptions(args: string[]): BenchOptions {
  const values = parse(args);
  const only = (values.only ?? rowNames.join(',')).split(',').map((name) => name.trim());
  const unknown = only.find((name) => !(rowNames as readonly string[]).includes(name));
  if (unknown !== undefined) throw new BenchUsageError(`there is no row ${unknown}\n${usage}`);
  const one = (name: string, text: string) => wholeNumber(name, text);
  const sizes = (name: string, text: string) => text.split(',').map((size) => one(name, size));
  return {
    only: rowNames.filter((name) => only.includes(name)),
    rounds: one('rounds', values.rounds),
    check: values.check,
    json: values.json ?? null,
    profile: values.profile,
    agents: sizes('agents', values.agents),
    processes: one('processes', values.processes),
    targets: one('targets', values.targets),
    auditRows: one('audit-rows', values['audit-rows']),
    clusters: sizes('clusters', values.clusters),
    applications: sizes('applications', values.applications),
    objects: values.objects === undefined ? null : sizes('objects', values.objects),
    chart: values.chart ?? null,
  };
}

function parse(args: string[]) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        only: { type: 'string' },
        rounds: { type: 'string', default: '3' },
        check: { type: 'boolean', default: false },
        json: { type: 'string' },
        profile: { type: 'boolean', default: false },
        agents: { type: 'string', default: '1000' },
        processes: { type: 'string', default: '2' },
        targets: { type: 'string', default: '100000' },
        'audit-rows': { type: 'string', default: '200000' },
        clusters: { type: 'string', default: '10000' },
        applications: { type: 'string', default: '100' },
        objects: { type: 'string' },
        chart: { type: 'string' },
      },
    });
    return values;
  } catch (error) {
    throw new BenchUsageError(`${(error as Error).message}\n${usage}`);
  }
}

function wholeNumber(name: string, text: string): number {
  const number = Number(text.replaceAll('_', ''));
  if (Number.isInteger(number) && number >= 1) return number;
  throw new BenchUsageError(`--${name} must be a whole number from 1\n${usage}`);
}
