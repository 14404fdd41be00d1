import { describe, expect, test } from 'vitest';
import type { IgnoreRule } from '../desired/entry.ts';
import type { Json, JsonMap, KubeObject } from '../object/types.ts';
import { applyIgnoreRules } from './ignore.ts';
import { ignoreRuleProblems } from './ignorePaths.ts';
import { parseJqPath, placesOf } from './jqPath.ts';
import { formatPointer } from './pointer.ts';

function deployment(replicas: number, containers: Json[] = [{ name: 'app', image: 'web:1' }]): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { replicas, template: { spec: { containers } } },
  };
}

function owned(object: KubeObject, owners: Record<string, JsonMap>): KubeObject {
  const managedFields = Object.entries(owners).map(([manager, fieldsV1]) => ({
    manager,
    operation: manager === 'flotilla' ? 'Apply' : 'Update',
    fieldsV1,
  }));
  return { ...object, metadata: { ...object.metadata, resourceVersion: '42', managedFields } };
}

const replicas: IgnoreRule[] = [{ kind: 'Deployment', jsonPointers: ['/spec/replicas'] }];
const ownsReplicas = { 'f:spec': { 'f:replicas': {} } };

describe('an ignored field', () => {
  test('is stripped when another manager owns it', () => {
    const live = owned(deployment(7), { flotilla: {}, hpa: ownsReplicas });
    const result = applyIgnoreRules({ desired: deployment(2), live, rules: replicas });
    expect(result.object['spec']).toEqual({
      template: { spec: { containers: [{ name: 'app', image: 'web:1' }] } },
    });
    expect(result).toMatchObject({ stripped: ['/spec/replicas'], kept: [] });
    expect(result.object.metadata['resourceVersion']).toBeUndefined();
  });

  test('is stripped also when we own it beside another', () => {
    const live = owned(deployment(7), { flotilla: ownsReplicas, hpa: ownsReplicas });
    expect(applyIgnoreRules({ desired: deployment(2), live, rules: replicas }).stripped).toEqual([
      '/spec/replicas',
    ]);
  });

  test('keeps the live value when we are the only owner, under live’s resourceVersion', () => {
    const live = owned(deployment(7), { flotilla: ownsReplicas });
    const result = applyIgnoreRules({ desired: deployment(2), live, rules: replicas });
    expect(result.object['spec']).toMatchObject({ replicas: 7 });
    expect(result).toMatchObject({ stripped: [], kept: ['/spec/replicas'] });
    expect(result.object.metadata['resourceVersion']).toBe('42');
  });

  test('is applied where the object is made for the first time', () => {
    expect(applyIgnoreRules({ desired: deployment(2), live: null, rules: replicas }).object).toEqual(
      deployment(2),
    );
  });

  test('stays as it is on objects that the rule does not concern', () => {
    const live = owned(deployment(7), { hpa: ownsReplicas });
    for (const rule of [
      { kind: 'StatefulSet' },
      { name: 'api' },
      { namespace: 'other' },
      { group: 'batch' },
    ]) {
      const rules = [{ ...rule, jsonPointers: ['/spec/replicas'] }];
      expect(applyIgnoreRules({ desired: deployment(2), live, rules }).object).toEqual(deployment(2));
    }
    expect(
      applyIgnoreRules({
        desired: deployment(2),
        live,
        rules: [{ group: '*', kind: '*', jsonPointers: ['/spec/replicas'] }],
      }).stripped,
    ).toHaveLength(1);
  });

  test('in a list is found in live by the item’s key, not by its place', () => {
    const rules = [
      { jqPathExpressions: ['.spec.template.spec.containers[] | select(.name == "app") | .image'] },
    ];
    const sidecar = { name: 'sidecar', image: 'proxy:9' };
    const image = {
      'f:spec': { 'f:template': { 'f:spec': { 'f:containers': { 'k:{"name":"app"}': { 'f:image': {} } } } } },
    };
    const live = owned(deployment(1, [sidecar, { name: 'app', image: 'web:live' }]), { flotilla: image });
    const kept = applyIgnoreRules({ desired: deployment(1), live, rules });
    expect(kept.object).toMatchObject({
      spec: { template: { spec: { containers: [{ name: 'app', image: 'web:live' }] } } },
    });
    const theirs = owned(deployment(1, [sidecar, { name: 'app', image: 'web:live' }]), { updater: image });
    expect(applyIgnoreRules({ desired: deployment(1), live: theirs, rules }).object).toMatchObject({
      spec: { template: { spec: { containers: [{ name: 'app' }] } } },
    });
  });

  test('that is a map is decided field by field', () => {
    const desired = {
      ...deployment(1),
      metadata: { name: 'web', namespace: 'shop', annotations: { ours: '1', theirs: '1' } },
    };
    const live = owned(
      { ...deployment(1), metadata: { name: 'web', annotations: { ours: '2', theirs: '2' } } },
      {
        flotilla: { 'f:metadata': { 'f:annotations': { 'f:ours': {} } } },
        other: { 'f:metadata': { 'f:annotations': { 'f:theirs': {} } } },
      },
    );
    const result = applyIgnoreRules({ desired, live, rules: [{ jsonPointers: ['/metadata/annotations'] }] });
    expect(result.object.metadata['annotations']).toEqual({ ours: '2' });
  });

  test('several list items go from the back, so that the right ones go', () => {
    const env = (names: string[]) => names.map((name) => ({ name, value: name }));
    const desired = deployment(1, [{ name: 'app', env: env(['a', 'b', 'c', 'd']) }]);
    const rules = [{ jsonPointers: [0, 2].map((index) => `/spec/template/spec/containers/0/env/${index}`) }];
    const live = owned(deployment(1, [{ name: 'app' }]), {});
    const containers = (applyIgnoreRules({ desired, live, rules }).object as JsonMap)['spec'];
    expect(containers).toMatchObject({ template: { spec: { containers: [{ env: env(['b', 'd']) }] } } });
  });

  test('by manager: whatever that manager owns is its own', () => {
    const live = owned(deployment(7), { hpa: ownsReplicas });
    const result = applyIgnoreRules({
      desired: deployment(2),
      live,
      rules: [{ managedFieldsManagers: ['hpa'] }],
    });
    expect(result.stripped).toEqual(['/spec/replicas']);
  });

  test('never takes away what makes the object', () => {
    const live = owned(deployment(1), { other: { 'f:metadata': { 'f:name': {} }, 'f:kind': {} } });
    const rules = [{ jsonPointers: ['/metadata/name', '/kind'], managedFieldsManagers: ['other'] }];
    expect(applyIgnoreRules({ desired: deployment(1), live, rules }).object).toEqual(deployment(1));
  });
});

describe('jq-style paths', () => {
  const document: Json = {
    a: {
      'x-y': [
        { name: 'p', v: 1 },
        { name: 'q', v: 2, on: true },
      ],
    },
    webhooks: [{ clientConfig: { caBundle: 'x' } }, {}],
  };

  test.each<[string, string[]]>([
    ['.a', ['/a']],
    ['.a["x-y"][0].v', ['/a/x-y/0/v']],
    ['.a."x-y"[-1]', ['/a/x-y/1']],
    ['.a["x-y"][].v', ['/a/x-y/0/v', '/a/x-y/1/v']],
    ['.a["x-y"][] | select(.name == "q") | .v', ['/a/x-y/1/v']],
    ['.a["x-y"][] | select(.name != "q" and .v == 1).v', ['/a/x-y/0/v']],
    ['.a["x-y"][] | select(.on == true)', ['/a/x-y/1']],
    ['.a["x-y"][] | select(.on == null) | .name', ['/a/x-y/0/name']],
    ['.webhooks[]?.clientConfig.caBundle', ['/webhooks/0/clientConfig/caBundle']],
    ['.missing.deep[].path', []],
    ['.a[]', ['/a/x-y']],
  ])('%s', (text, places) => {
    const parsed = parseJqPath(text);
    expect(parsed.ok && placesOf(parsed.steps, document).map(formatPointer)).toEqual(places);
  });

  test.each([
    '',
    'a',
    '.a | length',
    '.a[] | test("x")',
    '..',
    '.a, .b',
    'del(.a)',
    '."\\q"',
    '.a | select(.b)',
    '.a[1:2]',
    '.a + 1',
  ])('%j is refused, not misread', (text) => {
    expect(parseJqPath(text).ok).toBe(false);
  });

  test('problems of rules name what is wrong', () => {
    expect(
      ignoreRuleProblems([{ jsonPointers: ['spec', ''], jqPathExpressions: ['.a', '..'] }]),
    ).toHaveLength(3);
    expect(ignoreRuleProblems(replicas)).toEqual([]);
  });
});
