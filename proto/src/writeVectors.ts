/** Writes `proto/vectors/*.json`. Run once for new vectors: what is committed there is never to change. */
import type { Body, Head } from '@flotilla/domain/desired/entry';
import type { KubeObject } from '@flotilla/domain/object/types';
import { writeFile } from 'node:fs/promises';
import { bundleVector, entryVector, observedVector, setVector } from './vectors.ts';

const folder = new URL('../vectors/', import.meta.url);

function target(number: number): string {
  return `01936b00-0000-7000-8000-${number.toString(16).padStart(12, '0')}`;
}

const body: Body = {
  application: { id: target(0xa), name: 'guestbook', project: 'default' },
  destinationNamespace: 'guestbook',
  sync: {
    createNamespace: true,
    pruneLast: false,
    prunePropagation: 'foreground',
    replace: false,
    force: false,
    validate: 'server',
    skipDryRunOnMissingResource: false,
    adopt: false,
    selfHeal: true,
  },
  prune: { enabled: true, allowEmpty: false },
  retry: { limit: 5, backoffMs: 5000, backoffFactor: 2, backoffMaxMs: 180_000 },
  timeouts: { syncWaveMs: 900_000 },
  ignore: [{ group: 'apps', kind: 'Deployment', jsonPointers: ['/spec/replicas'] }],
  health: [],
  dependsOn: [],
  allowed: { namespaces: ['guestbook*'], clusterKinds: ['/Namespace'], namespacedKindsDenied: [] },
};

const head: Omit<Head, 'body'> = {
  target: target(1),
  state: 'Active',
  assignment: 7,
  revision: 3,
  bundle: { digest: 'ab'.repeat(32), sizeBytes: 4096 },
  deletesMax: 10,
  operation: {},
};

const entries = [
  entryVector('an active entry', head, body),
  entryVector(
    'a removing entry with an operation and names beyond ascii',
    {
      ...head,
      target: target(2),
      state: 'Removing',
      removal: 'delete',
      operation: { initiatedBy: 'jörg "ops" \u{1f6a2}', skipHooks: true },
    },
    { ...body, application: { id: target(0xb), name: 'größe-\u20ac', project: 'tenant' } },
  ),
  entryVector(
    'a suspended entry with a service account and a largest assignment',
    { ...head, target: target(3), state: 'Suspended', assignment: Number.MAX_SAFE_INTEGER },
    { ...body, serviceAccount: 'guestbook/deployer' },
  ),
];

const lines = entries.map(({ head: { target: uid }, headDigest, bodyDigest }) => ({
  target: uid,
  headDigest,
  bodyDigest,
}));
const sets = [
  setVector('the empty set', []),
  setVector('one entry', lines.slice(0, 1)),
  setVector('three entries, out of order', [...lines].reverse()),
];

const observed = [
  observedVector('no state', []),
  observedVector('two states, out of order', [
    { target: target(2), state: '{"target":"b"}' },
    { target: target(1), state: '{"target":"a","message":"\u20ac"}' },
  ]),
];

function configMap(number: number, value: string): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `settings-${String(number)}`, namespace: 'guestbook' },
    data: { value },
  };
}

function configMaps(count: number, valueBytes: number): KubeObject[] {
  return Array.from({ length: count }, (_, number) =>
    configMap(number, String(number % 10).repeat(valueBytes)),
  );
}

const deployment: KubeObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'guestbook', labels: { app: 'web' } },
  spec: { replicas: 3, revisionHistoryLimit: 9007199254740993n, template: { spec: { containers: [] } } },
};

const bundles = [
  bundleVector('no object', []),
  bundleVector('three objects, out of order, with an integer beyond 2^53', [
    deployment,
    configMap(1, 'a\u2028b'),
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'guestbook' } },
  ]),
  bundleVector('an object larger than a frame among small ones', [
    configMap(1, 'small'),
    configMap(2, 'x'.repeat(70_000)),
    configMap(3, 'small'),
  ]),
  bundleVector('several frames', configMaps(120, 300)),
];

for (const [name, vectors] of Object.entries({ entries, sets, observed, bundles })) {
  await writeFile(new URL(`${name}.json`, folder), `${JSON.stringify(vectors, null, 1)}\n`);
}
