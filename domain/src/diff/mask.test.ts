import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import type { Json, KubeObject } from '../object/types.ts';
import { maskedDiff, maskObject, maskPair } from './mask.ts';

function secret(data: Record<string, string>, more: object = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'a', namespace: 'shop' },
    data,
    ...more,
  } as KubeObject;
}

function deployment(env: Json[]): KubeObject {
  const containers: Json[] = [{ name: 'app', env }];
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'a' },
    spec: { template: { spec: { containers } } },
  };
}

describe('one object', () => {
  test('no value of a Secret is left, in data, stringData or the last applied configuration', () => {
    const value = fc.stringMatching(/^[A-Za-z0-9]{12,40}$/).map((text) => `s3cr3t${text}`);
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z.]{1,8}$/), value), value, (data, extra) => {
        const annotations = {
          'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(data),
          note: 'shown',
        };
        const object = secret(data, { stringData: { extra }, metadata: { name: 'a', annotations } });
        const text = JSON.stringify(maskObject(object));
        expect(text).not.toContain('s3cr3t');
        expect(text).toContain('shown');
      }),
    );
  });

  test('keys of a Secret stay to be seen', () => {
    expect(maskObject(secret({ user: 'YQ==', pass: 'Yg==' }))['data']).toEqual({
      user: '<masked>',
      pass: '<masked>',
    });
  });

  test('a placeholder tells no length', () => {
    expect(maskObject(secret({ a: 'x' }))).toEqual(maskObject(secret({ a: 'x'.repeat(1000) })));
  });

  test('environment variables and fields that are secrets by their name are masked, references are not', () => {
    const object = deployment([
      { name: 'DB_PASSWORD', value: 'hunter2' },
      { name: 'LOG_LEVEL', value: 'debug' },
      { name: 'API_TOKEN', valueFrom: { secretKeyRef: { name: 'tokens', key: 'api' } } },
    ]);
    const custom: KubeObject = {
      apiVersion: 'x/v1',
      kind: 'Grafana',
      metadata: { name: 'g' },
      spec: {
        adminPassword: 'hunter2',
        secretName: 'g',
        topologyKey: 'zone',
        auth: { client_secret: 'hunter2', tokenSecretRef: 'r' },
      },
    };
    expect(JSON.stringify(maskObject(object))).not.toContain('hunter2');
    expect(JSON.stringify(maskObject(object))).toContain('"debug"');
    expect(JSON.stringify(maskObject(object))).toContain('"tokens"');
    expect(maskObject(custom)['spec']).toEqual({
      adminPassword: '<masked>',
      secretName: 'g',
      topologyKey: 'zone',
      auth: { client_secret: '<masked>', tokenSecretRef: 'r' },
    });
  });

  test('rules add fields of their own', () => {
    const object: KubeObject = {
      apiVersion: 'x/v1',
      kind: 'Vault',
      metadata: { name: 'v' },
      spec: { seal: { a: 1 } },
    };
    const rules = [{ group: 'x', kind: 'Vault', jsonPointers: ['/spec/seal'] }];
    expect(maskObject(object, rules)['spec']).toEqual({ seal: '<masked>' });
    expect(maskObject(object, [{ group: 'y', kind: 'Vault', jsonPointers: ['/spec/seal'] }])).toEqual(object);
  });

  test('the object handed in is not changed', () => {
    const object = secret({ a: 'x' });
    maskObject(object);
    expect(object['data']).toEqual({ a: 'x' });
  });
});

describe('a diff', () => {
  test('shows that a value differs, and nothing of either', () => {
    expect(
      maskedDiff(
        secret({ same: 'a', changed: 'b', gone: 'c' }),
        secret({ same: 'a', changed: 'd', added: 'e' }),
      ),
    ).toEqual([
      { op: 'add', path: '/data/added', value: '<masked>' },
      { op: 'replace', path: '/data/changed', value: '<masked: after>' },
      { op: 'remove', path: '/data/gone' },
    ]);
  });

  test('is empty exactly when nothing differs', () => {
    const data = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('x', 'y'));
    fc.assert(
      fc.property(data, data, (from, to) => {
        const differs =
          JSON.stringify(Object.entries(from).sort()) !== JSON.stringify(Object.entries(to).sort());
        expect(maskedDiff(secret(from), secret(to)).length > 0).toBe(differs);
      }),
    );
  });

  test('pairs variables by name, so that a new one in front does not make all differ', () => {
    const [from, to] = maskPair(
      deployment([{ name: 'A_TOKEN', value: '1' }]),
      deployment([
        { name: 'FIRST', value: 'x' },
        { name: 'A_TOKEN', value: '1' },
      ]),
    );
    expect(JSON.stringify(from)).toContain('"<masked>"');
    expect(JSON.stringify(to)).toContain('{"name":"A_TOKEN","value":"<masked>"}');
  });

  test('leaves out status and what the server keeps for itself', () => {
    const live = secret(
      { a: 'x' },
      {
        status: { ok: true },
        metadata: { name: 'a', namespace: 'shop', uid: 'u', resourceVersion: '4', managedFields: [] },
      },
    );
    expect(maskedDiff(live, secret({ a: 'x' }))).toEqual([]);
  });

  test('of an object that comes or goes is the whole of it, masked', () => {
    expect(maskedDiff(null, secret({ a: 'x' }))).toEqual([
      { op: 'replace', path: '', value: secret({ a: '<masked>' }) },
    ]);
    expect(maskedDiff(secret({ a: 'x' }), null)).toEqual([{ op: 'replace', path: '', value: null }]);
  });
});
