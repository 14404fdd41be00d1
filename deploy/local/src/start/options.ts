/** The arguments of `npm start`. */
import { HELP, readArguments, UsageError } from './arguments.ts';

export type Engine = { kind: 'sim' } | { kind: 'kubelab' } | { kind: 'kubeconfig'; contexts: string[] };

export interface StartOptions {
  /** Ends when every target is Synced and Healthy at the pushed commit. */
  once: boolean;
  /** Where to write what was started, as JSON. */
  json: string | undefined;
  timeoutMs: number;
  clusters: number;
  engine: Engine;
  /** Throws away what an earlier start left. */
  fresh: boolean;
  /** Where its state lies, other than usual. */
  stateDir: string | undefined;
  /** False: what was built before is started as it is. */
  build: boolean;
}

export const USAGE = `usage: npm start -- [options]
  --once               end when every target is Synced and Healthy at the pushed commit: exit 0, else 1
  --json FILE          write what was started: url, token, caFile, engine, tookMs, commit, clusters
  --timeout 180s       how long the fleet may take to get there, without installation and first build
  --clusters 3         how many local clusters: up to 500 simulated ones, or 20 of kubelab
  --engine sim         sim (simulated API servers: simkube), kubelab (real API servers on this machine; their first build
                       takes Go and minutes), or kubeconfig:CONTEXT,CONTEXT (clusters of yours)
  --fresh              start over, without what an earlier start left
  --state DIR          where the fleet lies on disk, so that one machine can have several (.flotilla/local)
  --no-build           start what was built before, as it is`;

/** A simulated cluster costs a few megabytes; a real API server some hundreds. */
const CLUSTERS_MAX: Record<Engine['kind'], number> = { sim: 500, kubelab: 20, kubeconfig: 500 };
const UNITS_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000 };

export function parseStartOptions(args: readonly string[]): StartOptions {
  const values = readArguments(args, ARGUMENTS, USAGE);
  const engine = engineOf(values.engine);
  return {
    once: values.once,
    json: values.json,
    timeoutMs: durationOf(values.timeout),
    clusters: countOf(values.clusters, engine),
    engine,
    fresh: values.fresh,
    stateDir: values.state,
    build: !values['no-build'],
  };
}

const ARGUMENTS = {
  once: { type: 'boolean', default: false },
  json: { type: 'string' },
  timeout: { type: 'string', default: '180s' },
  clusters: { type: 'string', default: '3' },
  engine: { type: 'string', default: 'sim' },
  fresh: { type: 'boolean', default: false },
  state: { type: 'string' },
  'no-build': { type: 'boolean', default: false },
  ...HELP,
} as const;

function durationOf(text: string): number {
  const [, number, unit = 's'] = /^(\d+)(ms|s|m)?$/.exec(text) ?? [];
  if (number === undefined) throw new UsageError(`--timeout ${text} is no time such as 180s or 3m`);
  return Number(number) * (UNITS_MS[unit] ?? 1000);
}

function countOf(text: string, { kind }: Engine): number {
  const count = Number(text);
  const countMax = CLUSTERS_MAX[kind];
  if (Number.isInteger(count) && count >= 1 && count <= countMax) return count;
  throw new UsageError(
    `--clusters ${text} is no number from 1 to ${countMax}, which is what --engine ${kind} can have`,
  );
}

function engineOf(text: string): Engine {
  if (text === 'sim' || text === 'simkube') return { kind: 'sim' };
  if (text === 'kubelab') return { kind: 'kubelab' };
  const contexts = /^kubeconfig:(.+)$/
    .exec(text)?.[1]
    ?.split(',')
    .filter((name) => name !== '');
  if (contexts !== undefined && contexts.length > 0) return { kind: 'kubeconfig', contexts };
  throw new UsageError(`--engine ${text} is not known: sim, kubelab, or kubeconfig:CONTEXT,CONTEXT`);
}
