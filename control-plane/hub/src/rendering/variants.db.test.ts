/** What a renderer makes of templates and overrides: one variant for all clusters that agree in what was read. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { Loggers } from '../platform/logger.ts';
import { encodeTree } from '../sources/trees.ts';
import { Renderer, rendererDefaults, type RenderedVariant } from './renderer.ts';
import { findUnshare } from './sandbox.ts';

const logger = new Loggers('silent').for('test');
let renderer: Renderer;

beforeAll(() => {
  renderer = new Renderer({ ...rendererDefaults, unshare: findUnshare(), logger });
});

afterAll(() => renderer.close());

interface Asked {
  below?: string;
  overrides?: Parameters<Renderer['renderVariants']>[2]['overrides'];
  template?: boolean;
}

function clusterOf(name: string, labels: Record<string, string> = {}, facts: Record<string, string> = {}) {
  return { name, labels, facts };
}

function render(
  files: Record<string, string>,
  clusters: ReturnType<typeof clusterOf>[],
  { below, overrides = [], template = true }: Asked = {},
): Promise<RenderedVariant[]> {
  const tree = encodeTree({
    files: Object.entries(files).map(([path, content]) => ({ path, bytes: Buffer.from(content) })),
    links: [],
  });
  const source = {
    path: 'app',
    directory: { recurse: true, include: [], exclude: [] },
    ...(template && { template: { below: below ?? null } }),
    frames: tree.frames.map(({ bytes }) => bytes),
  };
  return renderer.renderVariants('project', [source], { overrides, clusters });
}

function linesOf({ rendered }: RenderedVariant): Record<string, unknown>[] {
  if (!rendered.ok) throw new Error(JSON.stringify(rendered.problems));
  return rendered.bundle.frames.flatMap((frame) =>
    Buffer.from(frame)
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>),
  );
}

function problemsOf({ rendered }: RenderedVariant): unknown[] {
  return rendered.ok ? [] : rendered.problems;
}

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: "{{ cluster.labels.replicas | default '1' | int }}"
  template:
    spec:
      containers:
        - name: web
          image: "registry-{{ cluster.labels.region }}.example.com/web:1"
`;
const plain = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: plain\n';

test('clusters that agree in what was read share a variant, others get their own', async () => {
  const variants = await render({ 'web.yaml': deployment, 'plain.yaml': plain }, [
    clusterOf('eu-1', { region: 'eu', other: 'a' }),
    clusterOf('eu-2', { region: 'eu', other: 'b' }),
    clusterOf('us-1', { region: 'us', replicas: '3' }),
  ]);
  expect(variants.map(({ reads }) => reads)).toEqual([
    { 'cluster.labels.region': 'eu', 'cluster.labels.replicas': null },
    { 'cluster.labels.region': 'us', 'cluster.labels.replicas': '3' },
  ]);
  expect(linesOf(variants[1]!)).toMatchObject([
    { kind: 'ConfigMap' },
    {
      spec: { replicas: 3, template: { spec: { containers: [{ image: 'registry-us.example.com/web:1' }] } } },
    },
  ]);
  // The parsed file is kept; what comes of it is the same all the same.
  expect(
    await render({ 'web.yaml': deployment, 'plain.yaml': plain }, [clusterOf('x', { region: 'eu' })]),
  ).toEqual([variants[0]]);
});

test('what is not defined names file, document, line and label, and others go on', async () => {
  const text = `apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data:
  a: b
  hosts: |
    one
    {{ cluster.labels["team/owner"] }}
`;
  const [failing, ready] = await render({ 'a.yaml': `${plain}---\n${text}` }, [
    clusterOf('a'),
    clusterOf('b', { 'team/owner': 'ada' }),
  ]);
  expect(failing).toMatchObject({ reads: { 'cluster.labels.team/owner': null } });
  expect(problemsOf(failing!)).toEqual([
    {
      file: 'app/a.yaml',
      document: 2,
      line: 14,
      message: expect.stringMatching(
        /^data\.hosts: cluster\.labels\["team\/owner"\] is not defined/,
      ) as string,
    },
  ]);
  expect(linesOf(ready!)[1]).toMatchObject({ data: { hosts: 'one\nada\n' } });
});

test.each([
  [
    'a filter that is none',
    'x: "{{ cluster.name | shout }}"',
    /metadata\.labels\.x: there is no filter 'shout'/,
  ],
  [
    'a value without quotes',
    'x: {{ cluster.name }}',
    /a key must be text: a value that begins with '{{' must be in quotes/,
  ],
  ['a key', '"{{ cluster.name }}": x', /a key cannot be a template/],
])('%s is a problem with its line', async (_what, line, message) => {
  const [variant] = await render({ 'a.yaml': `${plain}  labels:\n    ${line}\n` }, [clusterOf('a')]);
  expect(problemsOf(variant!)).toEqual([
    { file: 'app/a.yaml', document: 1, line: 6, message: expect.stringMatching(message) as string },
  ]);
});

test('a source that did not ask for templates keeps its braces', async () => {
  const rule = `${plain}  annotations:\n    summary: "{{ $labels.instance }} is down"\n`;
  const [variant, ...others] = await render({ 'a.yaml': rule }, [clusterOf('a'), clusterOf('b')], {
    template: false,
  });
  expect([variant?.reads, others]).toEqual([{}, []]);
  expect(linesOf(variant!)).toMatchObject([
    { metadata: { annotations: { summary: '{{ $labels.instance }} is down' } } },
  ]);
});

test('a path with a template is one folder or file of what was fetched', async () => {
  const files = {
    'eu/a.yaml': plain,
    'us/b.yaml': plain.replace('plain', 'us'),
    'one-ap.yaml': plain.replace('plain', 'ap'),
  };
  const clusters = ['eu', 'us', 'none'].map((region) => clusterOf(region, { region }));
  const [eu, us, none] = await render(files, clusters, { below: '{{ cluster.labels.region }}' });
  expect([linesOf(eu!), linesOf(us!)]).toMatchObject([
    [{ metadata: { name: 'plain' } }],
    [{ metadata: { name: 'us' } }],
  ]);
  expect(problemsOf(none!)).toMatchObject([
    { file: 'app/{{ cluster.labels.region }}', message: "the path 'none' has no manifests in this commit" },
  ]);
  const [ap, away] = await render(files, [clusterOf('ap'), clusterOf('..')], {
    below: 'one-{{ cluster.name }}.yaml',
  });
  expect(linesOf(ap!)).toMatchObject([{ metadata: { name: 'ap' } }]);
  expect(away).toMatchObject({ reads: { 'cluster.name': '..' }, rendered: { ok: false } });
});

test('overrides patch the objects of the clusters they pick, in order', async () => {
  const target = { kind: 'Deployment', name: 'web' };
  const overrides = [
    {
      clusters: { selector: { matchLabels: { tier: 'gold' } } },
      patches: [{ target, patch: { spec: { replicas: 5, paused: true } } }],
    },
    {
      clusters: { names: ['eu-*'] },
      patches: [{ target, patch: [{ op: 'remove' as const, path: '/spec/paused' }] }],
    },
  ];
  const variants = await render(
    { 'web.yaml': deployment },
    [
      clusterOf('eu-1', { region: 'eu', tier: 'gold' }),
      clusterOf('us-1', { region: 'eu', tier: 'gold' }),
      clusterOf('us-2', { region: 'eu' }),
      clusterOf('eu-2', { region: 'eu' }),
    ],
    { overrides },
  );
  expect(variants.map(({ reads }) => reads['overrides'])).toEqual(['0,1', '0', '', '1']);
  const [both, gold, neither, failing] = variants;
  const specs = [both, gold, neither].map((variant) => linesOf(variant!)[0]!['spec']);
  expect(specs).toMatchObject([{ replicas: 5 }, { replicas: 5, paused: true }, { replicas: 1 }]);
  expect(specs[0]).not.toHaveProperty('paused');
  expect(problemsOf(failing!)).toMatchObject([
    { message: 'spec.overrides.1.patches.0: Deployment web: the patch does not fit at "/spec/paused"' },
  ]);
});

test('a patch that means no object, or makes it another, is a problem', async () => {
  const patchOf = (kind: string, patch: object) => ({
    clusters: { selector: {} },
    patches: [{ target: { kind, name: 'plain' }, patch: patch as never }],
  });
  const problem = async (kind: string, patch: object) => {
    const overrides = [patchOf(kind, patch)];
    const [variant] = await render({ 'a.yaml': plain }, [clusterOf('a')], { overrides });
    return problemsOf(variant!);
  };
  expect(await problem('Secret', {})).toMatchObject([
    { message: expect.stringMatching(/there is no Secret plain to patch/) as string },
  ]);
  expect(await problem('ConfigMap', { metadata: { name: 'x' } })).toMatchObject([
    { message: expect.stringMatching(/as they are/) as string },
  ]);
  expect(await problem('ConfigMap', { metadata: { labels: { a: 1 } } })).toMatchObject([
    { message: expect.stringMatching(/must be text/) as string },
  ]);
});

test('a fleet of which each cluster needs its own comes in several answers', async () => {
  const named = `${plain}  labels:\n    cluster: "{{ cluster.name }}"\n`;
  const clusters = Array.from({ length: 500 }, (_, at) => clusterOf(`c-${at}`));
  const variants = await render({ 'a.yaml': named }, clusters);
  expect(variants.map(({ reads }) => reads['cluster.name'])).toEqual(
    clusters.slice(0, 200).map(({ name }) => name),
  );
});

test('what reads more than is compared for every cluster is a problem for all of them', async () => {
  const data = Array.from(
    { length: 201 },
    (_, at) => `  k${at}: "{{ cluster.labels.l${at} | default 'x' }}"`,
  );
  const variants = await render({ 'a.yaml': `${plain}data:\n${data.join('\n')}\n` }, [
    clusterOf('a'),
    clusterOf('b'),
  ]);
  expect(variants).toMatchObject([{ reads: {} }]);
  expect(problemsOf(variants[0]!)).toMatchObject([
    { message: expect.stringMatching(/^201 labels and facts are read/) as string },
  ]);
});

test('a place as long as its file is shortened', async () => {
  const text = `${plain}data:\n  ? ${'k'.repeat(3000)}\n  : "{{ cluster.labels.none }}"\n`;
  const [variant] = await render({ 'a.yaml': text }, [clusterOf('a')]);
  expect(problemsOf(variant!)).toMatchObject([
    { message: expect.stringMatching(/^data\.k{1990,1995}$/) as string },
  ]);
});
