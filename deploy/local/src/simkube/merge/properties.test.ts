import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { schemaOfKind, type Schema } from '../schema/schema.ts';
import type { JsonObject, KubeObject } from '../types.ts';
import { applyServerSide } from './applyServerSide.ts';
import { decodeFieldSet, encodeFieldSet } from './fieldSet.ts';

const SCHEMA = schemaOfKind({ group: 'apps', version: 'v1', kind: 'Deployment' }) as Schema;

const names = fc.constantFrom('a', 'b', 'c');
const container = fc.record(
  {
    name: names,
    image: fc.constantFrom('x:1', 'x:2'),
    env: fc.uniqueArray(fc.record({ name: names, value: fc.constantFrom('1', '2') }), {
      selector: ({ name }) => name,
      maxLength: 2,
    }),
    ports: fc.uniqueArray(fc.record({ containerPort: fc.integer({ min: 1, max: 3 }) }), {
      selector: ({ containerPort }) => containerPort,
      maxLength: 2,
    }),
    args: fc.array(names, { maxLength: 2 }),
    resources: fc.record({ limits: fc.record({ cpu: fc.constantFrom('0.5', '500m', '2') }) }),
  },
  // The image decides a default that stays, as on the real server, when the image goes.
  { requiredKeys: ['name', 'image'] },
);
const containers = fc.uniqueArray(container, { selector: ({ name }) => name, minLength: 1, maxLength: 3 });
const labels = fc.dictionary(names, fc.constantFrom('1', '2'), { minKeys: 1, maxKeys: 2 });

const config = fc
  .record({ replicas: fc.integer({ min: 0, max: 3 }), containers, labels }, { requiredKeys: ['containers'] })
  .map(
    ({ containers: list, labels: own, replicas }) =>
      ({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'd', ...(own === undefined ? {} : { labels: own }) },
        spec: { ...(replicas === undefined ? {} : { replicas }), template: { spec: { containers: list } } },
      }) as unknown as KubeObject,
  );

function apply(live: KubeObject | null, applied: KubeObject, manager: string, nowIso: string): KubeObject {
  const about = { schema: SCHEMA, apiVersion: 'apps/v1', force: true, manager, nowIso };
  const outcome = applyServerSide({ ...about, live, applied });
  if (outcome.outcome !== 'applied') throw new Error(JSON.stringify(outcome));
  return outcome.object;
}

const OPTIONS = { numRuns: 60 };
const BARE = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' } };

describe('server-side apply', () => {
  test('applied twice is the very object of the first time', () => {
    fc.assert(
      fc.property(config, (applied) => {
        const once = apply(null, applied, 'm', '2026-01-01T00:00:00Z');
        expect(apply(once, applied, 'm', '2026-01-02T00:00:00Z')).toBe(once);
      }),
      OPTIONS,
    );
  });

  test('what one applier adds and gives up again leaves the other applier what it had', () => {
    fc.assert(
      fc.property(config, labels, (applied, added) => {
        const before = apply(null, applied, 'm', '2026-01-01T00:00:00Z');
        const own = Object.fromEntries(Object.entries(added).map(([key, value]) => [`n-${key}`, value]));
        const more = { ...BARE, metadata: { name: 'd', labels: own, annotations: own } };
        const between = apply(before, more, 'n', '2026-01-02T00:00:00Z');
        const after = apply(between, BARE, 'n', '2026-01-03T00:00:00Z');
        expect(after['spec']).toEqual(before['spec']);
        expect(after.metadata.labels ?? {}).toEqual(before.metadata.labels ?? {});
        expect(after.metadata.managedFields).toEqual(before.metadata.managedFields);
      }),
      OPTIONS,
    );
  });

  test('after two changes the object holds what was applied last, and nothing of what was applied first', () => {
    fc.assert(
      fc.property(config, config, (first, second) => {
        const direct = apply(null, second, 'm', '2026-01-02T00:00:00Z');
        const changed = apply(
          apply(null, first, 'm', '2026-01-01T00:00:00Z'),
          second,
          'm',
          '2026-01-02T00:00:00Z',
        );
        expect(byName(changed)).toEqual(byName(direct));
      }),
      OPTIONS,
    );
  });

  test('ownership survives its way over the wire', () => {
    fc.assert(
      fc.property(config, (applied) => {
        const [entry] = apply(null, applied, 'm', '2026-01-01T00:00:00Z').metadata.managedFields ?? [];
        const encoded = entry?.fieldsV1 as JsonObject;
        expect(encodeFieldSet(decodeFieldSet(encoded))).toEqual(encoded);
      }),
      OPTIONS,
    );
  });
});

describe('the order of a list after an apply', () => {
  test.each([
    ['abx', 'ba', 'bxa'],
    ['abx', 'bay', 'bxay'],
    ['abx', 'ayb', 'aybx'],
    ['xa', 'ya', 'xya'],
    ['ab', 'cd', 'abcd'],
  ])('%s, applied %s, is %s', (live, applied, merged) => {
    const listOf = (text: string) => [...text].map((name) => ({ name, image: 'x' }));
    const about = { ...BARE, spec: { template: { spec: {} } } };
    const withList = (text: string): KubeObject => ({
      ...about,
      spec: { template: { spec: { containers: listOf(text) } } },
    });
    const before = apply(null, withList(live), 'm', '2026-01-01T00:00:00Z');
    const after = apply(before, withList(applied), 'n', '2026-01-02T00:00:00Z');
    const { template } = after['spec'] as { template: { spec: { containers: { name: string }[] } } };
    expect(template.spec.containers.map(({ name }) => name).join('')).toBe(merged);
  });
});

/** Times aside: an apply that changes no value does not move its own. */
function byName({ metadata, ...rest }: KubeObject): unknown {
  const entries = metadata.managedFields?.map(({ time: _time, ...entry }) => entry);
  return { ...rest, metadata: { ...metadata, managedFields: entries } };
}
