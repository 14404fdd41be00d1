import { createServer, type AddressInfo } from 'node:net';

import { Loggers } from '../platform/logger.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { encodeTree, type TreeLink } from '../sources/trees.ts';
import { Renderer, rendererDefaults, RenderStopped, type Rendered } from './renderer.ts';
import { findUnshare, startRenderer } from './sandbox.ts';

const logger = new Loggers('silent').for('test');
let renderer: Renderer;

beforeAll(() => {
  renderer = new Renderer({ ...rendererDefaults, unshare: findUnshare(), logger });
});

afterAll(() => renderer.close());

function render(
  files: Record<string, string | Buffer>,
  options: { links?: TreeLink[]; recurse?: boolean; in?: Renderer } = {},
): Promise<Rendered> {
  const tree = encodeTree({
    files: Object.entries(files).map(([path, content]) => ({ path, bytes: Buffer.from(content) })),
    links: options.links ?? [],
  });
  const directory = { recurse: options.recurse ?? true, include: [], exclude: [] };
  const source = { path: 'app', directory, frames: tree.frames.map(({ bytes }) => bytes) };
  return (options.in ?? renderer).render('project', [source]);
}

const configMap = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n`;

test('files become a bundle, the same one however often', async () => {
  const files = {
    'b.yaml': `${configMap('b')}---\n${configMap('c')}`,
    'a.json': '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}',
  };
  const first = await render(files);
  const second = await render(files);
  expect(first).toMatchObject({ ok: true, bundle: { index: { objects: [{}, {}, {}] } } });
  expect(second).toEqual(first);
});

test.each([
  [
    'malformed YAML',
    { 'a.yaml': `${configMap('a')}---\nkind: [x\n` },
    { file: 'app/a.yaml', document: 2, message: /./ },
  ],
  [
    'an object without a kind',
    { 'a.yaml': 'apiVersion: v1\nmetadata:\n  name: a\n' },
    { file: 'app/a.yaml', document: 1, message: /kind is missing/ },
  ],
  [
    'a List with a broken item',
    { 'a.yaml': 'apiVersion: v1\nkind: List\nitems:\n- kind: x\n' },
    { file: 'app/a.yaml', document: 1, message: /item \[0\]/ },
  ],
  [
    'the same object twice',
    { 'a.yaml': configMap('a'), 'b.yaml': configMap('a') },
    { file: 'app/b.yaml', document: 1, message: /ConfigMap a is there twice: also in app\/a\.yaml/ },
  ],
  [
    'what is not UTF-8',
    { 'a.yaml': Buffer.from([0xff, 0xfe, 0x00]) },
    { file: 'app/a.yaml', document: 0, message: /UTF-8/ },
  ],
])('%s names its file and document', async (_what, files, problem) => {
  const rendered = await render(files as Record<string, string>);
  expect(rendered).toMatchObject({
    ok: false,
    problems: [
      { file: problem.file, document: problem.document, message: expect.stringMatching(problem.message) },
    ],
  });
});

test('a symbolic link among the manifests is told', async () => {
  const rendered = await render(
    { 'a.yaml': configMap('a') },
    { links: [{ path: 'b.yaml', link: 'symlink' }] },
  );
  expect(rendered).toMatchObject({
    ok: false,
    problems: [{ file: 'app/b.yaml', message: expect.stringMatching(/symbolic link/) }],
  });
});

test('what takes too long is ended, and the next render goes on', async () => {
  const slow = new Renderer({ ...rendererDefaults, timeoutMs: 1, unshare: null, logger });
  await expect(render({ 'a.yaml': configMap('a') }, { in: slow })).rejects.toThrow(/took longer than/);
  await slow.close();
  expect(await render({ 'a.yaml': configMap('a') })).toMatchObject({ ok: true });
});

test('what needs too much memory is ended as a limit, not as a failure to try again', async () => {
  const small = new Renderer({ ...rendererDefaults, heapMb: 40, unshare: null, logger });
  const many = Array.from({ length: 400_000 }, (_, at) => `  k${at}: "${at}"\n`).join('');
  const stopped = await render({ 'a.yaml': `${configMap('a')}data:\n${many}` }, { in: small }).catch(
    (error: unknown) => error,
  );
  await small.close();
  expect(stopped).toBeInstanceOf(RenderStopped);
  expect(stopped).toMatchObject({ kind: 'limit', message: expect.stringMatching(/memory/) });
});

test('a renderer has no environment, no files of ours, no network and no processes', async () => {
  const server = createServer((socket) => socket.end());
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const probe = `
    const results = {};
    const attempt = async (name, run) => { try { await run(); results[name] = 'reached'; } catch { results[name] = 'refused'; } };
    await attempt('file', async () => (await import('node:fs')).readFileSync('/etc/passwd'));
    await attempt('write', async () => (await import('node:fs')).writeFileSync('canary', 'x'));
    await attempt('process', async () => (await import('node:child_process')).execFileSync('/bin/true'));
    await attempt('thread', async () => new (await import('node:worker_threads')).Worker('1', { eval: true }));
    await attempt('code', async () => new Function('return 1')());
    await attempt('network', () => new Promise((resolve, reject) => import('node:net').then(({ connect }) =>
      connect(${port}, '127.0.0.1').on('connect', resolve).on('error', reject))));
    results.env = Object.keys(process.env).length;
    process.stdout.write(JSON.stringify(results));
  `;
  const unshare = findUnshare();
  const child = startRenderer({ heapMb: 64, unshare }, '/', { evaluate: probe });
  const parts: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => parts.push(part));
  await new Promise((done) => child.on('exit', done));
  server.close();
  expect(JSON.parse(Buffer.concat(parts).toString())).toEqual({
    file: 'refused',
    write: 'refused',
    process: 'refused',
    thread: 'refused',
    code: 'refused',
    network: unshare === null ? expect.any(String) : 'refused',
    env: 0,
  });
});
