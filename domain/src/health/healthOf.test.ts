/** Each fixture is an object as an API server would show it and the verdict on it. */
import { readFileSync, readdirSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Json, KubeObject } from '../object/types.ts';
import { healthOrder, worst } from './health.ts';
import { healthOf } from './healthOf.ts';

interface Fixture {
  case: string;
  object: KubeObject;
  related?: KubeObject[];
  expect: string | null;
  message?: string;
}

const folder = new URL('./fixtures/', import.meta.url);

for (const file of readdirSync(folder)) {
  const fixtures = parse(readFileSync(new URL(file, folder), 'utf8')) as Fixture[];
  describe(file, () => {
    test.each(fixtures.map((fixture) => [fixture.case, fixture] as const))('%s', (_name, fixture) => {
      const health = healthOf(fixture.object, fixture.related);
      expect(health?.status ?? null, health?.message).toBe(fixture.expect);
      if (fixture.message !== undefined) expect(health?.message).toContain(fixture.message);
    });
  });
}

const widget: KubeObject = {
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  metadata: { name: 'a' },
  status: { conditions: [{ type: 'Ready', status: 'True' }] },
};

test('a user’s rule goes before the conventions, and one that does not speak leaves it to them', () => {
  expect(healthOf(widget, [], () => () => ({ status: 'Degraded', message: 'by rule' }))?.status).toBe(
    'Degraded',
  );
  expect(healthOf(widget, [], () => () => null)?.status).toBe('Healthy');
  expect(healthOf(widget, [], () => null)?.status).toBe('Healthy');
});

test('a user’s rule does not hide a deletion', () => {
  const going = { ...widget, metadata: { name: 'a', deletionTimestamp: '2026-01-01T00:00:00Z' } };
  expect(healthOf(going, [], () => () => ({ status: 'Healthy', message: '' }))?.status).toBe('Progressing');
});

test('a bigint generation is compared as a number', () => {
  const object: KubeObject = {
    ...widget,
    metadata: { name: 'a', generation: 9007199254740993n },
    status: { observedGeneration: 1 },
  };
  expect(healthOf(object)?.status).toBe('Progressing');
});

describe('worst', () => {
  test('is the worst in the order of the design, and of equals the first', () => {
    expect(worst(healthOrder.map((status) => ({ status, message: '' }))).status).toBe('Unknown');
    const found = worst([
      { status: 'Degraded', message: 'first' },
      { status: 'Healthy', message: '' },
      { status: 'Degraded', message: 'second' },
    ]);
    expect(found).toEqual({ status: 'Degraded', message: 'first' });
  });

  test('of nothing that has a health is Healthy', () => {
    expect(worst([null, null]).status).toBe('Healthy');
  });
});

test('no object, however broken, makes a rule throw', () => {
  const kinds = [
    'apps/v1 Deployment',
    'apps/v1 StatefulSet',
    'batch/v1 CronJob',
    'v1 Pod',
    'example.com/v1 Widget',
  ];
  const more = [
    'gateway.networking.k8s.io/v1 HTTPRoute',
    'cert-manager.io/v1 Certificate',
    'autoscaling/v1 HorizontalPodAutoscaler',
  ];
  const part = fc.jsonValue() as fc.Arbitrary<Json>;
  const object = fc
    .tuple(fc.constantFrom(...kinds, ...more), part, part, part)
    .map(([kind, spec, status, annotations]): KubeObject => {
      const [apiVersion = '', name = ''] = kind.split(' ');
      return {
        apiVersion,
        kind: name,
        metadata: { name: 'a', annotations, ownerReferences: spec },
        spec,
        status,
      };
    });
  fc.assert(
    fc.property(object, fc.array(object, { maxLength: 3 }), (candidate, related) => {
      const health = healthOf(candidate, related);
      expect(health === null || healthOrder.includes(health.status)).toBe(true);
    }),
  );
});
