/**
 * What the runner started for this test run, as test files see it. The runner writes it as JSON and names the file in
 * FLOTILLA_TEST_RUN.
 */
import { readFileSync } from 'node:fs';

/** What kind of API server: the one in memory, or Kubernetes' own. */
export const engines = ['sim', 'real'] as const;
export type Engine = (typeof engines)[number];

export interface RunCluster {
  name: string;
  engine: Engine;
  kubeconfig: string;
  /** Audit log of its API server: one JSON event a line. */
  auditLog: string;
}

export interface Run {
  id: string;
  /** Scratch folder of the run; gone after a run that passed. */
  dir: string;
  /** Of the run's Postgres server: the maintenance database. */
  postgresUrl: string | null;
  /** Name of the migrated database that test files copy. */
  template: string;
  /** API servers of every engine that is tested; empty where the tier needs none. */
  clusters: RunCluster[];
}

export const runVariable = 'FLOTILLA_TEST_RUN';
/** Names the engine whose API servers this process gets; a suite runs once on each. */
export const engineVariable = 'KUBE';

let cached: Run | undefined;

export function currentRun(): Run {
  const file = process.env[runVariable];
  if (!file)
    throw new Error(
      'this test needs servers that the runner starts: run it by `npm test -- <tier> --grep <name>`',
    );
  cached ??= JSON.parse(readFileSync(file, 'utf8')) as Run;
  return cached;
}

export function currentEngine(): Engine {
  return process.env[engineVariable] === 'sim' ? 'sim' : 'real';
}
