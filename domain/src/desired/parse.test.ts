import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { toHex, type Sha256 } from '../digest/sha256.ts';
import { encodeBody, encodeHead } from './encode.ts';
import type { Body, Head } from './entry.ts';
import { parseBody, parseHead, parseSet } from './parse.ts';
import { rootDigest, type HeldEntry } from './set.ts';

const sha256: Sha256 = (bytes) => createHash('sha256').update(bytes).digest();
const target = '0d9b6f3e-6f0a-4c7e-9a49-6a2f6d1d9d11';
const digest = 'a'.repeat(64);

const head: Head = {
  target,
  state: 'Active',
  assignment: 3,
  revision: 2,
  bundle: { digest, sizeBytes: 100 },
  deletesMax: 10,
  operation: { force: true },
  body: digest,
};

const body: Body = {
  application: { id: 'app1', name: 'Shop', project: 'default' },
  destinationNamespace: 'shop',
  sync: {
    createNamespace: true,
    managedNamespaceMetadata: { labels: { team: 'web' } },
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
  ignore: [{ kind: 'Deployment', jsonPointers: ['/spec/replicas'] }],
  health: [{ group: 'x', kind: 'Y', current: 'true' }],
  dependsOn: [],
  allowed: { namespaces: ['*'], clusterKinds: [], namespacedKindsDenied: [] },
  serviceAccount: 'shop/deployer',
};

const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

test('head and body are read back as they were encoded', () => {
  expect(parseHead(encodeHead(head))).toEqual({ ok: true, value: head });
  expect(parseBody(encodeBody(body))).toEqual({ ok: true, value: body });
  const removing: Head = { ...head, state: 'Removing', removal: 'detach' };
  expect(parseHead(encodeHead(removing))).toEqual({ ok: true, value: removing });
});

test('fields of a newer version are ignored', () => {
  expect(parseHead(bytes({ ...head, later: 1, bundle: { ...head.bundle, later: 2 } }))).toEqual({
    ok: true,
    value: head,
  });
  expect(parseBody(bytes({ ...body, later: 1 }))).toEqual({ ok: true, value: body });
});

test.each<[string, object, string]>([
  ['no target', { target: undefined }, 'target must be text'],
  ['a target that is no uuid', { target: 'x' }, 'target must be text like'],
  ['an unknown state', { state: 'Frozen' }, 'state must be one of'],
  ['Removing without a mode', { state: 'Removing' }, 'removal must be one of'],
  ['an assignment below one', { assignment: 0 }, 'assignment must be a whole number from 1'],
  ['half an assignment', { assignment: 1.5 }, 'assignment must be a whole number'],
  ['a short digest', { bundle: { digest: 'abc', sizeBytes: 1 } }, 'bundle.digest must be text like'],
  ['a negative deletesMax', { deletesMax: -1 }, 'deletesMax must be'],
  ['a force that is no flag', { operation: { force: 'yes' } }, 'force must be true or false'],
])('a head with %s is that target’s error', (_name, change, reason) => {
  const parsed = parseHead(bytes({ ...head, ...change }));
  expect(parsed.ok).toBe(false);
  expect(!parsed.ok && parsed.reason).toContain(reason);
});

test.each<[string, object, string]>([
  ['no sync', { sync: null }, 'sync must be an object'],
  [
    'an unknown propagation',
    { sync: { ...body.sync, prunePropagation: 'x' } },
    'sync.prunePropagation must be one of',
  ],
  ['a rule that is text', { ignore: ['x'] }, 'ignore[0] must be an object'],
  [
    'pointers that are no list',
    { ignore: [{ jsonPointers: '/a' }] },
    'ignore[0].jsonPointers must be a list of text',
  ],
  [
    'labels that are numbers',
    { sync: { ...body.sync, managedNamespaceMetadata: { labels: { a: 1 } } } },
    'labels must be an object of text',
  ],
  ['a service account without namespace', { serviceAccount: 'deployer' }, 'serviceAccount must be text like'],
])('a body with %s is refused by name', (_name, change, reason) => {
  const parsed = parseBody(bytes({ ...body, ...change }));
  expect(parsed.ok).toBe(false);
  expect(!parsed.ok && parsed.reason).toContain(reason);
});

test.each(['', 'null', '[]', '{', '"x"'])('bytes %j are refused', (text) => {
  expect(parseHead(new TextEncoder().encode(text)).ok).toBe(false);
});

test('bytes that are not UTF-8 are refused', () => {
  expect(parseHead(Uint8Array.of(0x7b, 0xff, 0x7d)).ok).toBe(false);
});

test('one bad entry is its own problem: the others of the set are read', () => {
  const bodyBytes = encodeBody(body);
  const bodyDigest = toHex(sha256(bodyBytes));
  const held = (uid: string, bytesOfHead: Uint8Array): [string, HeldEntry] => [
    uid,
    { target: uid, head: bytesOfHead, headDigest: toHex(sha256(bytesOfHead)), bodyDigest },
  ];
  const other = target.replace('0d', '1d');
  const third = target.replace('0d', '2d');
  const entries = new Map([
    held(third, encodeHead({ ...head, body: bodyDigest })),
    held(other, bytes({ ...head, target: other, state: 'Frozen' })),
    held(target, encodeHead({ ...head, body: bodyDigest })),
  ]);
  const mark = { epoch: 1, generation: 1, digest: rootDigest(entries.values(), sha256) };
  const { entries: read, problems } = parseSet({ mark, entries, bodies: new Map([[bodyDigest, bodyBytes]]) });
  expect(read.map((entry) => entry.target)).toEqual([target]);
  expect(problems.map((problem) => [problem.target, problem.reason.split(' ')[0]])).toEqual([
    [third, 'head:'],
    [other, 'head:'],
  ]);
});
