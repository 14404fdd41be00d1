/** The expected texts are those of the real API server for the same objects. */
import { describe, expect, test } from 'vitest';
import { schemaOfCrd, schemaOfKind, type Schema } from '../schema/schema.ts';
import { gvkOf, type JsonObject, type KubeObject } from '../types.ts';
import { withDefaults } from './defaults.ts';
import { pruneUnknown } from './pruneUnknown.ts';
import { subjectInvalid } from './fieldErrors.ts';
import { decodeError, validate, validateUpdate, type FieldError } from './validate.ts';

function object(apiVersion: string, kind: string, rest: object, name = 'x'): KubeObject {
  return { apiVersion, kind, metadata: { name }, ...rest };
}

function schemaOf(given: KubeObject): Schema {
  return schemaOfKind(gvkOf(given)) as Schema;
}

function deployment(pod: JsonObject): KubeObject {
  const labels = { app: 'a' };
  const template = { metadata: { labels }, spec: pod };
  return object('apps/v1', 'Deployment', { spec: { selector: { matchLabels: labels }, template } });
}

function invalidMessage(given: KubeObject, errors: FieldError[]): string {
  return subjectInvalid(gvkOf(given), given.metadata.name ?? '', errors);
}

function refusal(given: KubeObject): string {
  const schema = schemaOf(given);
  return decodeError(given, schema) ?? invalidMessage(given, validate(withDefaults(given, schema), schema));
}

const IMAGE = { name: 'a', image: 'a' };
const JOB_POD = { spec: { containers: [{ name: 'a', image: 'a:1' }] } };

const REFUSALS: [string, KubeObject, string][] = [
  [
    'no containers',
    deployment({ containers: [] }),
    'Deployment.apps "x" is invalid: spec.template.spec.containers: Required value',
  ],
  [
    'a text for a list',
    deployment({ containers: 'x' }),
    'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container',
  ],
  [
    'a number for a text',
    deployment({ containers: [{ name: 'a', image: 3 }] }),
    'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal number into Go struct field Container.spec.template.spec.containers.image of type string',
  ],
  [
    'a text for a flag',
    deployment({ hostNetwork: 'x', containers: [IMAGE] }),
    'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field PodSpec.spec.template.spec.hostNetwork of type bool',
  ],
  [
    'no quantity',
    deployment({ containers: [{ ...IMAGE, resources: { limits: { cpu: 'zz' } } }] }),
    `Deployment in version "v1" cannot be handled as a Deployment: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`,
  ],
  [
    'a port out of range',
    deployment({ containers: [{ ...IMAGE, ports: [{ containerPort: 70000 }] }] }),
    'Deployment.apps "x" is invalid: spec.template.spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
  ],
  [
    'more requested than allowed, an unknown volume, a second name and a wrong restart policy',
    deployment({
      restartPolicy: 'Never',
      containers: [
        IMAGE,
        {
          ...IMAGE,
          env: [{ name: '' }],
          volumeMounts: [{ name: 'x', mountPath: '/x' }],
          resources: { limits: { cpu: '1' }, requests: { cpu: '2' } },
        },
      ],
      volumes: [{ name: 'v' }, { name: 'v' }],
    }),
    'Deployment.apps "x" is invalid: [spec.template.spec.volumes[1].name: Duplicate value: "v", spec.template.spec.containers[1].env[0].name: Required value, spec.template.spec.containers[1].volumeMounts[0].name: Not found: "x", spec.template.spec.containers[1].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1, spec.template.spec.containers[1].name: Duplicate value: "a", spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"]',
  ],
  [
    'a service without ports',
    object('v1', 'Service', { spec: {} }, 's'),
    'Service "s" is invalid: spec.ports: Required value',
  ],
  [
    'a config key with a slash',
    object('v1', 'ConfigMap', { data: { 'a/b': '1' } }, 'c'),
    `ConfigMap "c" is invalid: data[a/b]: Invalid value: "a/b": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')`,
  ],
  [
    'a label that is a number',
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'c', labels: { a: 1 } },
    } as unknown as KubeObject,
    'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string',
  ],
  [
    'a job that always restarts',
    object('batch/v1', 'Job', { spec: { backoffLimit: -1, template: JOB_POD } }, 'j'),
    'Job.batch "j" is invalid: [spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0, spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"]',
  ],
  [
    'a claim of nothing',
    object('v1', 'PersistentVolumeClaim', { spec: {} }, 'p'),
    'PersistentVolumeClaim "p" is invalid: [spec.accessModes: Required value: at least 1 access mode is required, spec.resources[storage]: Required value]',
  ],
  [
    'a namespace with a dot',
    object('v1', 'Namespace', {}, 'a.b'),
    'Namespace "a.b" is invalid: metadata.name: Invalid value: "a.b": must not contain dots',
  ],
  [
    'a role without verbs',
    object(
      'rbac.authorization.k8s.io/v1',
      'ClusterRole',
      { rules: [{ apiGroups: [''], resources: ['pods'] }] },
      'p',
    ),
    'ClusterRole.rbac.authorization.k8s.io "p" is invalid: rules[0].verbs: Required value: verbs must contain at least one value',
  ],
  [
    'no name',
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: {} },
    'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
  ],
  [
    'bytes that are none',
    object('v1', 'Secret', { data: { a: '!!' } }),
    'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 0',
  ],
];

describe('refusals are worded as the real API server words them', () => {
  test.each(REFUSALS)('%s', (_name, given, message) => {
    expect(refusal(given)).toBe(message);
  });

  test('of changes to what may not change', () => {
    const change = (before: KubeObject, after: object): string => {
      const next = { ...before, ...after };
      return invalidMessage(next, validateUpdate(before, next, schemaOf(before)));
    };
    const config = object('v1', 'ConfigMap', { immutable: true, data: { a: '1' } }, 'c');
    expect(change(config, { data: { a: '2' } })).toBe(
      'ConfigMap "c" is invalid: data: Forbidden: field is immutable when `immutable` is set',
    );
    const service = object('v1', 'Service', { spec: { clusterIP: 'a', clusterIPs: ['a'] } }, 's');
    expect(change(service, { spec: { clusterIP: '10.96.3.3', clusterIPs: ['10.96.3.3'] } })).toBe(
      'Service "s" is invalid: spec.clusterIPs[0]: Invalid value: ["10.96.3.3"]: may not change once set',
    );
    const set = object('apps/v1', 'StatefulSet', { spec: { serviceName: 'a', replicas: 1 } }, 's');
    expect(validateUpdate(set, { ...set, spec: { serviceName: 'a', replicas: 2 } }, schemaOf(set))).toEqual(
      [],
    );
    expect(change(set, { spec: { serviceName: 'b', replicas: 1 } })).toContain(
      "spec: Forbidden: updates to statefulset spec for fields other than 'replicas'",
    );
    const web = object('apps/v1', 'Deployment', { spec: { selector: { matchLabels: { app: 'a' } } } }, 'd');
    expect(change(web, { spec: { selector: { matchLabels: { app: 'b' } } } })).toBe(
      'Deployment.apps "d" is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"b"}}: field is immutable',
    );
  });

  test('of custom resources against their own schema', () => {
    const schema = schemaOfCrd({
      type: 'object',
      required: ['spec'],
      properties: {
        spec: {
          type: 'object',
          required: ['need'],
          properties: {
            need: { type: 'string' },
            size: { type: 'integer', minimum: 1 },
            mode: { type: 'string', enum: ['a', 'b'] },
            name: { type: 'string', pattern: '^[a-z]+$' },
            short: { type: 'string', maxLength: 3 },
            few: { type: 'array', maxItems: 1, items: { type: 'string' } },
            set: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
          },
        },
      },
    });
    const spec = { size: 0, mode: 'x', name: 'X1', short: 'abcd', few: ['a', 'b'], set: ['a', 'a'] };
    const texts = (given: object) =>
      validate(object('e.com/v1', 'Thing', given), schema).map(
        ({ field, message }) => `${field}: ${message}`,
      );
    expect(texts({ spec })).toEqual([
      'spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1',
      'spec.mode: Unsupported value: "x": supported values: "a", "b"',
      `spec.name: Invalid value: "X1": spec.name in body should match '^[a-z]+$'`,
      'spec.short: Too long: may not be more than 3 bytes',
      'spec.few: Too many: 2: must have at most 1 item',
      'spec.set[1]: Duplicate value: "a"',
      'spec.need: Required value',
    ]);
    expect(texts({ spec: { need: 'a', size: '1' } })).toEqual([
      'spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"',
    ]);
    expect(texts({})).toEqual(['spec: Required value']);
  });

  test('unknown fields are dropped and named as strict validation names them', () => {
    const given = deployment({ foo: 1, containers: [{ ...IMAGE, bar: 1 }] } as unknown as JsonObject);
    const { object: pruned, unknown } = pruneUnknown(given, schemaOf(given));
    expect(unknown).toEqual(['spec.template.spec.foo', 'spec.template.spec.containers[0].bar']);
    expect(pruned).toEqual(deployment({ containers: [IMAGE] }));
  });
});
