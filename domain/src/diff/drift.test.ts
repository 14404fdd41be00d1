import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { IgnoreRule } from '../desired/entry.ts';
import type { Sha256 } from '../digest/sha256.ts';
import type { Json, JsonMap, KubeObject } from '../object/types.ts';
import { driftByDryRun, driftOf, judgeWatchEvent, writtenMeta } from './drift.ts';
import { formatPath, leafPaths, managedEntries, ownersOfPath, valueAt } from './managedFields.ts';
import { ownValuesText } from './ownValues.ts';

const sha256: Sha256 = (bytes) => createHash('sha256').update(bytes).digest();

/** As an API server answers our apply of a small Deployment: defaults filled in, our entry listing what we sent. */
function appliedDeployment(): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: 'web',
      namespace: 'shop',
      uid: 'uid-1',
      generation: 1,
      resourceVersion: '100',
      labels: { app: 'web' },
      managedFields: [
        {
          manager: 'flotilla',
          operation: 'Apply',
          apiVersion: 'apps/v1',
          time: '2026-11-24T10:00:00Z',
          fieldsType: 'FieldsV1',
          fieldsV1: {
            'f:metadata': { 'f:labels': { 'f:app': {} } },
            'f:spec': {
              'f:replicas': {},
              'f:selector': {},
              'f:template': {
                'f:spec': {
                  'f:containers': {
                    'k:{"name":"app"}': {
                      '.': {},
                      'f:image': {},
                      'f:name': {},
                      'f:ports': {
                        'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} },
                      },
                    },
                  },
                  'f:volumes': { 'k:{"name":"tmp"}': { '.': {}, 'f:emptyDir': {}, 'f:name': {} } },
                },
              },
            },
          },
        },
      ],
    },
    spec: {
      replicas: 2,
      progressDeadlineSeconds: 600,
      selector: { matchLabels: { app: 'web' } },
      template: {
        spec: {
          containers: [
            { name: 'sidecar', image: 'injected:1' },
            { name: 'app', image: 'web:1', ports: [{ containerPort: 80, protocol: 'TCP' }] },
          ],
          volumes: [{ name: 'tmp', emptyDir: {} }],
        },
      },
    },
  };
}

interface Change {
  manager: string;
  time?: string;
  subresource?: string;
  /** Fields that the other manager owns now; ours lose them. */
  takes?: JsonMap;
  loses?: string[][];
  edit: (live: KubeObject) => void;
}

/** What an Update by another manager makes of it, as the server keeps the books. */
function changed(change: Change): KubeObject {
  const live = structuredClone(appliedDeployment());
  change.edit(live);
  const entries = live.metadata['managedFields'] as JsonMap[];
  for (const path of change.loses ?? []) {
    let node = entries[0]!['fieldsV1'] as JsonMap;
    for (const key of path.slice(0, -1)) node = node[key] as JsonMap;
    delete node[path.at(-1)!];
  }
  entries.push({
    manager: change.manager,
    operation: 'Update',
    apiVersion: 'apps/v1',
    time: change.time ?? '2026-11-24T11:00:00Z',
    fieldsType: 'FieldsV1',
    fieldsV1: change.takes ?? {},
    ...(change.subresource ? { subresource: change.subresource } : {}),
  });
  return live;
}

const spec = (live: KubeObject) => live['spec'] as JsonMap;
const podSpec = (live: KubeObject) => (spec(live)['template'] as JsonMap)['spec'] as JsonMap;
const container = (live: KubeObject) =>
  (podSpec(live)['containers'] as JsonMap[]).find((item) => item['name'] === 'app')!;

function scaled(manager: string, replicas = 5): KubeObject {
  return changed({
    manager,
    takes: { 'f:spec': { 'f:replicas': {} } },
    loses: [['f:spec', 'f:replicas']],
    edit: (live) => {
      spec(live)['replicas'] = replicas;
      live.metadata['generation'] = 2;
    },
  });
}

function drift(live: KubeObject, ignore: IgnoreRule[] = []) {
  return driftOf({ applied: appliedDeployment(), live, ignore });
}

describe('drift', () => {
  test('none in what the server answered', () => {
    expect(drift(appliedDeployment())).toEqual([]);
  });

  test('names field, manager and time', () => {
    expect(drift(scaled('kubectl-edit'))).toEqual([
      { path: 'spec.replicas', manager: 'kubectl-edit', time: '2026-11-24T11:00:00Z' },
    ]);
  });

  test('none in fields that we did not apply: defaults, status, other people’s labels and containers', () => {
    const live = changed({
      manager: 'kube-controller-manager',
      takes: { 'f:metadata': { 'f:annotations': { 'f:deployment.kubernetes.io/revision': {} } } },
      edit: (object) => {
        spec(object)['progressDeadlineSeconds'] = 300;
        object['status'] = { replicas: 2 };
        object.metadata['labels'] = { app: 'web', team: 'x' };
        object.metadata['annotations'] = { 'deployment.kubernetes.io/revision': '1' };
        (podSpec(object)['containers'] as Json[])[0] = { name: 'sidecar', image: 'injected:2' };
      },
    });
    expect(drift(live)).toEqual([]);
  });

  test('list items are found by their key, wherever they moved', () => {
    const live = changed({
      manager: 'x',
      edit: (object) => void (podSpec(object)['containers'] as Json[]).reverse(),
    });
    expect(drift(live)).toEqual([]);
    container(live)['image'] = 'web:2';
    expect(drift(live).map((field) => field.path)).toEqual([
      'spec.template.spec.containers[name="app"].image',
    ]);
  });

  test('a removed item is one field, with whoever wrote last since', () => {
    const live = changed({
      manager: 'kubectl-edit',
      takes: { 'f:spec': { 'f:paused': {} } },
      edit: (object) => void (podSpec(object)['containers'] as Json[]).pop(),
    });
    expect(drift(live)).toEqual([
      {
        path: 'spec.template.spec.containers[name="app"]',
        manager: 'kubectl-edit',
        time: '2026-11-24T11:00:00Z',
      },
    ]);
  });

  test('a removed field with nobody who wrote since has no manager', () => {
    const live = structuredClone(appliedDeployment());
    delete spec(live)['replicas'];
    expect(drift(live)).toEqual([{ path: 'spec.replicas', manager: '', time: '' }]);
  });

  test('who only writes status is never named for a removed field', () => {
    const live = changed({
      manager: 'status-writer',
      subresource: 'status',
      edit: (object) => delete spec(object)['replicas'],
    });
    expect(drift(live)).toEqual([{ path: 'spec.replicas', manager: '', time: '' }]);
  });

  test('a map that is owned as a whole drifts as a whole', () => {
    const live = changed({
      manager: 'kubectl-patch',
      takes: { 'f:spec': { 'f:selector': {} } },
      loses: [['f:spec', 'f:selector']],
      edit: (object) => void (spec(object)['selector'] = { matchLabels: { app: 'other' } }),
    });
    expect(drift(live)).toMatchObject([{ path: 'spec.selector', manager: 'kubectl-patch' }]);
  });

  test('others may fill in an empty map that we sent', () => {
    const live = changed({
      manager: 'x',
      takes: {},
      edit: (object) => void (podSpec(object)['volumes'] = [{ name: 'tmp', emptyDir: { sizeLimit: '1Gi' } }]),
    });
    expect(drift(live)).toEqual([]);
  });

  test('a scale by the autoscaler is named, the status writer never', () => {
    const live = scaled('kube-controller-manager');
    (live.metadata['managedFields'] as JsonMap[]).at(-1)!['subresource'] = 'scale';
    (live.metadata['managedFields'] as JsonMap[]).push({
      manager: 'status-writer',
      operation: 'Update',
      subresource: 'status',
      time: '2026-11-24T12:00:00Z',
      fieldsV1: {},
    });
    expect(drift(live)).toMatchObject([{ path: 'spec.replicas', manager: 'kube-controller-manager' }]);
  });

  test.each<[string, IgnoreRule[], number]>([
    ['by JSON pointer', [{ jsonPointers: ['/spec/replicas'] }], 0],
    ['by a parent’s pointer', [{ jsonPointers: ['/spec'] }], 0],
    ['by jq path', [{ kind: 'Deployment', jqPathExpressions: ['.spec.replicas'] }], 0],
    ['by manager', [{ managedFieldsManagers: ['kubectl-edit'] }], 0],
    ['for another kind', [{ kind: 'StatefulSet', jsonPointers: ['/spec/replicas'] }], 1],
    ['for another name', [{ name: 'api*', jsonPointers: ['/spec/replicas'] }], 1],
  ])('is ignored %s', (_name, ignore, fields) => {
    expect(drift(scaled('kubectl-edit'), ignore)).toHaveLength(fields);
  });

  test('the same by dry run, where the answer to our last write is lost', () => {
    const { patch, fields } = driftByDryRun({ dryRun: appliedDeployment(), live: scaled('kubectl-edit') });
    expect(patch).toEqual([{ op: 'replace', path: '/spec/replicas', value: 2 }]);
    expect(fields.map((field) => field.manager)).toEqual(['kubectl-edit']);
    expect(driftByDryRun({ dryRun: appliedDeployment(), live: appliedDeployment() })).toEqual({
      patch: [],
      fields: [],
    });
  });
});

describe('a watch event', () => {
  const written = writtenMeta(appliedDeployment(), sha256);
  const verdict = (live: KubeObject) => judgeWatchEvent(written, live, sha256);
  const edited = (edit: (live: KubeObject) => void) => {
    const live = structuredClone(appliedDeployment());
    edit(live);
    return live;
  };

  test('of status, of a new resourceVersion, of another manager’s entry is no drift', () => {
    expect(verdict(edited((live) => (live['status'] = { replicas: 1 })))).toBe('unchanged');
    expect(verdict(edited((live) => (live.metadata['resourceVersion'] = '101')))).toBe('unchanged');
    expect(verdict(changed({ manager: 'x', edit: () => undefined }))).toBe('unchanged');
  });

  test('of only the metadata is enough to decide', () => {
    const { metadata } = appliedDeployment();
    expect(verdict({ apiVersion: 'meta.k8s.io/v1', kind: 'PartialObjectMetadata', metadata })).toBe(
      'unchanged',
    );
  });

  test('of generation, labels, annotations or our own entry has to be looked at', () => {
    expect(verdict(edited((live) => (live.metadata['generation'] = 2)))).toBe('inspect');
    expect(verdict(edited((live) => (live.metadata['labels'] = {})))).toBe('inspect');
    expect(verdict(edited((live) => (live.metadata['annotations'] = { a: 'b' })))).toBe('inspect');
    expect(verdict(changed({ manager: 'x', loses: [['f:spec', 'f:replicas']], edit: () => undefined }))).toBe(
      'inspect',
    );
  });

  test('of a kind without generation is judged by our own entry', () => {
    const map = edited((live) => delete live.metadata['generation']);
    const before = writtenMeta(map, sha256);
    const taken = structuredClone(map);
    delete ((taken.metadata['managedFields'] as JsonMap[])[0]!['fieldsV1'] as JsonMap)['f:metadata'];
    expect(judgeWatchEvent(before, map, sha256)).toBe('unchanged');
    expect(judgeWatchEvent(before, taken, sha256)).toBe('inspect');
  });

  test('of an object made anew or going away says so', () => {
    expect(verdict(edited((live) => (live.metadata['uid'] = 'uid-2')))).toBe('recreated');
    expect(verdict(edited((live) => (live.metadata['deletionTimestamp'] = '2026-11-24T12:00:00Z')))).toBe(
      'deleting',
    );
  });
});

describe('managed fields', () => {
  test('every leaf has a path people can read, and a value', () => {
    const [own] = managedEntries(appliedDeployment());
    expect(leafPaths(own!.fields).map(formatPath)).toEqual([
      'metadata.labels.app',
      'spec.replicas',
      'spec.selector',
      'spec.template.spec.containers[name="app"].image',
      'spec.template.spec.containers[name="app"].name',
      'spec.template.spec.containers[name="app"].ports[containerPort=80,protocol="TCP"].containerPort',
      'spec.template.spec.volumes[name="tmp"].emptyDir',
      'spec.template.spec.volumes[name="tmp"].name',
    ]);
    const values = leafPaths(own!.fields).map((path) => valueAt(appliedDeployment(), path));
    expect(values).toEqual(['web', 2, { matchLabels: { app: 'web' } }, 'web:1', 'app', 80, {}, 'tmp']);
  });

  test('set items and places are paths too', () => {
    const object: KubeObject = {
      apiVersion: 'v1',
      kind: 'X',
      metadata: {
        name: 'a',
        finalizers: ['a', 'b'],
        annotations: { 'x/y': '1' },
        managedFields: [
          {
            manager: 'm',
            operation: 'Update',
            fieldsV1: { 'f:metadata': { 'f:finalizers': { 'v:"b"': {} }, 'f:annotations': { 'f:x/y': {} } } },
          },
        ],
      },
    };
    const entries = managedEntries(object);
    const paths = leafPaths(entries[0]!.fields);
    expect(paths.map(formatPath)).toEqual(['metadata.finalizers[="b"]', 'metadata.annotations["x/y"]']);
    expect(paths.map((path) => valueAt(object, path))).toEqual(['b', '1']);
    expect(ownersOfPath(entries, paths[0]!).map((entry) => entry.manager)).toEqual(['m']);
    expect(ownersOfPath(entries, [{ type: 'field', name: 'spec' }])).toEqual([]);
  });

  test('an object without any is owned by nobody', () => {
    expect(managedEntries({ apiVersion: 'v1', kind: 'X', metadata: { name: 'a' } })).toEqual([]);
  });
});

test('the text of what we own changes with our fields and with nothing else', () => {
  const before = ownValuesText(appliedDeployment());
  expect(
    ownValuesText(changed({ manager: 'x', edit: (live) => (spec(live)['progressDeadlineSeconds'] = 1) })),
  ).toBe(before);
  expect(ownValuesText(scaled('kubectl-edit'))).not.toBe(before);
  const filled = [{ name: 'tmp', emptyDir: { sizeLimit: '1Gi' } }];
  expect(ownValuesText(changed({ manager: 'x', edit: (live) => (podSpec(live)['volumes'] = filled) }))).toBe(
    before,
  );
  const taken = changed({
    manager: 'x',
    takes: { 'f:spec': { 'f:selector': {} } },
    loses: [['f:spec', 'f:selector']],
    edit: (live) => (spec(live)['selector'] = { matchLabels: { app: 'other' } }),
  });
  expect(ownValuesText(taken)).not.toBe(before);
});
