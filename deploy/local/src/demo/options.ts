/** The arguments of `npm run demo`. */
import { HELP, readArguments, UsageError } from '../start/arguments.ts';

export interface DemoOptions {
  /** Waits for nobody, and ends by itself. */
  once: boolean;
  /** Where to write what was seen, as JSON. */
  json: string | undefined;
  /** How long any one thing is waited for. */
  timeoutMs: number;
  speed: number;
  clusters: number;
  engine: 'sim' | 'kubelab';
  stateDir: string | undefined;
  build: boolean;
}

export const DEMO_USAGE = `usage: npm run demo -- [options]
  --once               wait for nobody: exit 0 when all was seen, else 1 and what was not
  --json FILE          write what was seen, with times
  --timeout 60         how many seconds any one thing is waited for
  --speed 1            2 lets rollouts rest half as long between their waves
  --clusters 12        how many clusters, from 4
  --engine sim         sim (simulated API servers: simkube) or kubelab (real ones; the first build takes Go and minutes)
  --state DIR          where the tour's fleet lies on disk (.flotilla/demo); it begins anew each time
  --no-build           start what was built before, as it is`;

/** A canary, a quarter and a rest that differ. */
const CLUSTERS_MIN = 4;
const CLUSTERS_MAX = 19;

export function parseDemoOptions(args: readonly string[]): DemoOptions {
  const values = readArguments(args, ARGUMENTS, DEMO_USAGE);
  return {
    once: values.once,
    json: values.json,
    timeoutMs: numberOf('timeout', values.timeout, 1, 3600) * 1000,
    speed: numberOf('speed', values.speed, 0.1, 10),
    clusters: Math.floor(numberOf('clusters', values.clusters, CLUSTERS_MIN, CLUSTERS_MAX)),
    engine: engineOf(values.engine),
    stateDir: values.state,
    build: !values['no-build'],
  };
}

const ARGUMENTS = {
  once: { type: 'boolean', default: false },
  json: { type: 'string' },
  timeout: { type: 'string', default: '60' },
  speed: { type: 'string', default: '1' },
  clusters: { type: 'string', default: '12' },
  engine: { type: 'string', default: 'sim' },
  state: { type: 'string' },
  'no-build': { type: 'boolean', default: false },
  ...HELP,
} as const;

function numberOf(name: string, text: string, min: number, max: number): number {
  const value = Number(text.replace(/s$/, ''));
  if (text !== '' && value >= min && value <= max) return value;
  throw new UsageError(`--${name} ${text} is no number from ${min} to ${max}`);
}

function engineOf(text: string): DemoOptions['engine'] {
  if (text === 'sim' || text === 'kubelab') return text;
  throw new UsageError(`--engine ${text} is not known: sim or kubelab`);
}
