/**
 * What the clusters of a local fleet are called. The first three are one for each environment; those after them spread over
 * regions, most of them in production, so that a rollout has waves worth looking at.
 */
import { ENVIRONMENTS } from './sample.ts';

export interface ClusterPlan {
  name: string;
  environment: string;
  region: string;
}

const REGIONS = ['emea', 'amer', 'apac'] as const;
/** Of ten further clusters. */
const SPREAD = ['prod', 'prod', 'staging', 'prod', 'prod', 'dev', 'prod', 'prod', 'staging', 'prod'] as const;
const ENVIRONMENT_OF = { dev: 'dev', staging: 'staging', prod: 'production' } as const;

/** The same for the same number, and the first of more are those of fewer. */
export function planClusters(count: number): ClusterPlan[] {
  const first = ENVIRONMENTS.map((environment) => ({ name: environment, environment, region: 'emea' }));
  const numbers = new Map<string, number>();
  const further = Array.from({ length: Math.max(count - first.length, 0) }, (_, index) => {
    const region = REGIONS[index % REGIONS.length] ?? 'emea';
    const short = SPREAD[index % SPREAD.length] ?? 'prod';
    const kind = `${region}-${short}`;
    const number = (numbers.get(kind) ?? 0) + 1;
    numbers.set(kind, number);
    const name = `${kind}-${String(number).padStart(2, '0')}`;
    return { name, environment: ENVIRONMENT_OF[short], region };
  });
  return [...first, ...further].slice(0, count);
}
