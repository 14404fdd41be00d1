import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { schemaOfCrd, schemaOfKind } from '../schema/schema.ts';
import { gvkOf, type KubeObject } from '../types.ts';
import { withDefaults } from './defaults.ts';
import { canonicalQuantity } from './quantity.ts';
import { withoutAddress } from './service.fixture.ts';

interface Recorded {
  sent: KubeObject;
  stored: KubeObject;
}

const recorded = JSON.parse(
  readFileSync(new URL('../schema/recorded-defaults.json', import.meta.url), 'utf8'),
) as Recorded[];

/** Left to the strategy of its kind, which needs a clock or what is stored. */
const NOT_DEFAULTS = new Set(['PersistentVolume', 'CustomResourceDefinition', 'Namespace']);

function schemaOf(object: KubeObject) {
  const schema = schemaOfKind(gvkOf(object));
  if (schema === undefined) throw new Error(`no schema of ${object.kind}`);
  return schema;
}

describe('defaults', () => {
  test.each(recorded.map((sample, index) => [`${sample.sent.kind} ${index}`, sample] as const))(
    '%s gets what the real API server stored',
    (_name, { sent, stored }) => {
      const { metadata: _metadata, ...filled } = withDefaults(sent, schemaOf(sent));
      if (NOT_DEFAULTS.has(sent.kind)) {
        delete filled['status'];
        expect({ ...filled, status: undefined, spec: { ...(filled['spec'] as object) } }).toMatchObject(
          sent.kind === 'Namespace' ? {} : { spec: stored['spec'] },
        );
        return;
      }
      expect(filled).toEqual(withoutAddress(stored));
    },
  );

  test.each(recorded.map((sample, index) => [`${sample.sent.kind} ${index}`, sample] as const))(
    '%s with its defaults gets none again',
    (_name, { sent }) => {
      const once = withDefaults(sent, schemaOf(sent));
      expect(withDefaults(once, schemaOf(sent))).toEqual(once);
    },
  );

  test.each([
    ['0.5', '500m'],
    ['1024Mi', '1Gi'],
    ['1000m', '1'],
    [1, '1'],
    ['1.5Gi', '1536Mi'],
    ['100', '100'],
    ['1000', '1k'],
    ['0', '0'],
    ['512Ki', '512Ki'],
    ['0.1m', '100u'],
    ['1e3', '1e3'],
  ])('the quantity %s is written %s', (given, canonical) => {
    expect(canonicalQuantity(given)).toBe(canonical);
  });

  test('a custom resource gets the defaults of its own schema, also below a default', () => {
    const schema = schemaOfCrd({
      type: 'object',
      properties: {
        spec: {
          type: 'object',
          default: {},
          properties: { size: { type: 'integer', default: 3 }, name: { type: 'string' } },
        },
      },
    });
    const object = { apiVersion: 'e.com/v1', kind: 'W', metadata: { name: 'w' } };
    expect(withDefaults(object, schema)).toEqual({ ...object, spec: { size: 3 } });
  });
});
