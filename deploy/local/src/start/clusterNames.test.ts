import { expect, test } from 'vitest';
import { planClusters } from './clusterNames.ts';

test('the first three clusters are one for each environment', () => {
  expect(planClusters(3).map(({ name, environment }) => [name, environment])).toEqual([
    ['dev', 'dev'],
    ['staging', 'staging'],
    ['production', 'production'],
  ]);
  expect(planClusters(1)).toHaveLength(1);
});

test('hundreds have names of their own, in every region and environment, and more begin with those of fewer', () => {
  const plans = planClusters(500);
  expect(new Set(plans.map(({ name }) => name)).size).toBe(500);
  expect(new Set(plans.map(({ region, environment }) => `${region} ${environment}`)).size).toBe(9);
  expect(plans[3]).toEqual({ name: 'emea-prod-01', environment: 'production', region: 'emea' });
  expect(plans.slice(0, 40)).toEqual(planClusters(40));
});
