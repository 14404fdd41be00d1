/** Stories of ownership that are played on the real API server, so that the simulated one can be held to what it did. */
import type { JsonObject } from '../../types.ts';

export interface Step {
  verb: 'create' | 'apply' | 'merge' | 'strategic' | 'json';
  manager: string;
  force?: boolean;
  subresource?: 'status';
  body: JsonObject | JsonObject[];
}

export interface Scenario {
  name: string;
  collection: string;
  apiVersion: string;
  kind: string;
  steps: Step[];
}

const DEPLOYMENTS = {
  collection: '/apis/apps/v1/namespaces/default/deployments',
  apiVersion: 'apps/v1',
  kind: 'Deployment',
};
const CONFIG_MAPS = {
  collection: '/api/v1/namespaces/default/configmaps',
  apiVersion: 'v1',
  kind: 'ConfigMap',
};
const SERVICES = { collection: '/api/v1/namespaces/default/services', apiVersion: 'v1', kind: 'Service' };
const WIDGETS = {
  collection: '/apis/example.com/v1/namespaces/default/widgets',
  apiVersion: 'example.com/v1',
  kind: 'Widget',
};

const LABELS = { app: 'a' };

function deployment(container: JsonObject, spec: JsonObject = {}): JsonObject {
  const template = { metadata: { labels: LABELS }, spec: { containers: [{ name: 'a', ...container }] } };
  return { spec: { selector: { matchLabels: LABELS }, template, ...spec } };
}

function apply(manager: string, body: JsonObject, force = false): Step {
  return { verb: 'apply', manager, body, force };
}

export const WIDGET_SCHEMA: JsonObject = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: {
        size: { type: 'integer', default: 3, minimum: 1 },
        tags: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
        plain: { type: 'array', items: { type: 'string' } },
        whole: {
          type: 'object',
          'x-kubernetes-map-type': 'atomic',
          additionalProperties: { type: 'string' },
        },
        parts: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name', 'kind'],
          items: {
            type: 'object',
            required: ['name'],
            properties: {
              name: { type: 'string' },
              kind: { type: 'string', default: 'K' },
              value: { type: 'string' },
            },
          },
        },
        free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      },
    },
    status: { type: 'object', properties: { phase: { type: 'string' } } },
  },
};

export const SCENARIOS: Scenario[] = [
  {
    name: 'apply, apply again, change, remove',
    ...DEPLOYMENTS,
    steps: [
      apply('m', deployment({ image: 'a:1', env: [{ name: 'A', value: '1' }] }, { replicas: 2 })),
      apply('m', deployment({ image: 'a:1', env: [{ name: 'A', value: '1' }] }, { replicas: 2 })),
      apply('m', deployment({ image: 'a:2', env: [{ name: 'B', value: '' }] })),
      apply('m', deployment({ image: 'a:2', resources: { limits: { cpu: '0.5' } } })),
      apply('m', deployment({ image: 'a:2', resources: { limits: { cpu: '0.5' } } })),
    ],
  },
  {
    name: 'conflict with an updater, then force',
    ...DEPLOYMENTS,
    steps: [
      { verb: 'create', manager: 'c', body: deployment({ image: 'a:1', ports: [{ containerPort: 80 }] }) },
      apply('m', deployment({ image: 'a:2' }, { replicas: 3 })),
      apply('m', deployment({ image: 'a:2' }, { replicas: 3 }), true),
      { verb: 'merge', manager: 'hpa', body: { spec: { replicas: 5 } } },
      apply('m', deployment({ image: 'a:2' }, { replicas: 3 })),
      apply('m', deployment({ image: 'a:2' })),
      {
        verb: 'strategic',
        manager: 'k',
        body: { spec: { template: { spec: { containers: [{ name: 'b', image: 'b' }] } } } },
      },
      apply('m', deployment({ image: 'a:2', ports: [{ containerPort: 80 }, { containerPort: 81 }] })),
      {
        verb: 'json',
        manager: 'j',
        body: [{ op: 'remove', path: '/spec/template/spec/containers/0/ports' }],
      },
    ],
  },
  {
    name: 'two appliers own together, conflict, and leave',
    ...CONFIG_MAPS,
    steps: [
      apply('m', { metadata: { labels: { a: '1' } }, data: { x: '1', y: '1' } }),
      apply('n', { data: { x: '1', z: '1' } }),
      apply('n', { data: { x: '2' } }),
      apply('n', { data: { x: '2' } }, true),
      apply('m', { data: { y: '1' } }),
      apply('n', { data: {} }),
      apply('n', { metadata: { annotations: { k: 'v' } } }),
      { verb: 'merge', manager: 'u', body: { data: { y: null } } },
    ],
  },
  {
    name: 'ports by key with a default',
    ...SERVICES,
    steps: [
      apply('m', {
        spec: {
          clusterIP: 'None',
          selector: LABELS,
          ports: [
            { port: 80, name: 'w' },
            { port: 53, protocol: 'UDP', name: 'd' },
          ],
        },
      }),
      apply('m', {
        spec: { clusterIP: 'None', selector: LABELS, ports: [{ port: 80, protocol: 'TCP', name: 'w' }] },
      }),
      apply('n', { spec: { ports: [{ port: 81, name: 'x' }] } }),
    ],
  },
  {
    name: 'a custom resource with sets, maps, atomic and free fields',
    ...WIDGETS,
    steps: [
      apply('m', {
        spec: {
          tags: ['a', 'b'],
          plain: ['a'],
          whole: { a: '1' },
          parts: [{ name: 'p' }, { name: 'q', kind: 'Z', value: '1' }],
          free: { a: { b: 1, c: [1] } },
        },
      }),
      apply('n', { spec: { tags: ['c'], parts: [{ name: 'r' }], free: { d: true } } }),
      apply('n', { spec: { whole: { b: '1' }, plain: ['b'] } }),
      apply('m', { spec: { tags: ['b'], parts: [{ name: 'q', kind: 'Z' }], free: { a: { b: 2 } } } }),
      { verb: 'merge', manager: 's', subresource: 'status', body: { status: { phase: 'Up' } } },
      apply('m', { spec: { size: 4 }, status: { phase: 'x' } }),
      { verb: 'merge', manager: 'u', body: { spec: { size: 5, free: null }, status: { phase: 'ignored' } } },
    ],
  },
  {
    name: 'an object created by update',
    ...WIDGETS,
    steps: [
      {
        verb: 'create',
        manager: 'c',
        body: { spec: { tags: ['a'], free: { a: 1 }, parts: [{ name: 'p' }] } },
      },
      { verb: 'merge', manager: 'c', body: { metadata: { labels: { a: 'b' } } } },
      { verb: 'merge', manager: 'd', body: { spec: { tags: ['a', 'b'] } } },
      { verb: 'merge', manager: 'd', body: { spec: { tags: ['a', 'b'] } } },
      { verb: 'merge', manager: 'r', body: { metadata: { managedFields: [{}] } } },
      apply('m', { spec: { tags: ['x'] } }),
    ],
  },
];
