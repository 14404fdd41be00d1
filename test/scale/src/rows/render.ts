/**
 * e: plain manifests into a canonical bundle, by the hub's own renderer as a program of its own, against js-yaml that only
 * parses the same documents. The same tree once more shows what the renderer keeps of files. A hub does not even ask it about a
 * commit that changed none of them.
 */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { Bench } from '../bench/bench.ts';
import type { Measured, Row } from '../bench/row.ts';
import { atEachSize } from '../bench/sizes.ts';
import { root } from '@flotilla/testkit/root';
import { loadAll } from 'js-yaml';

const documentsEach = 10;
const documentsOfBudget = 5000;
/** At least 0.8 of js-yaml's speed. */
const budget = 1 / 0.8;

export const row: Row = {
  name: 'e',
  title: 'render plain manifests',
  judgedFrom: documentsOfBudget,
  run: (bench) =>
    atEachSize(bench.options.objects ?? [documentsOfBudget], (documents) => atSize(bench, documents)),
};

async function atSize(bench: Bench, documents: number): Promise<Measured[]> {
  await using renderer = startRenderer();
  const rounds = await bench.rounds(async (round) => {
    const files = filesOf(documents / documentsEach, `round ${round}`);
    const floor = parseAll(files);
    const request = requestOf(files);
    return { floor, ours: await renderer.render(request), again: await renderer.render(request) };
  });
  const shared = { n: documents, floors: rounds.map((r) => r.floor), unit: 'ms' };
  return [
    {
      ...shared,
      id: 'e1',
      what: 'plain manifests, by the renderer',
      ours: rounds.map((r) => r.ours),
      budget,
    },
    {
      ...shared,
      id: 'e2',
      what: 'the same files sent again',
      ours: rounds.map((r) => r.again),
      budget: null,
    },
  ];
}

interface File {
  path: string;
  text: string;
}

function filesOf(count: number, value: string): File[] {
  return Array.from({ length: count }, (_, file) => ({
    path: `file-${String(file).padStart(4, '0')}.yaml`,
    text: Array.from({ length: documentsEach }, (_unused, document) =>
      documentOf(file, document, value),
    ).join('---\n'),
  }));
}

function documentOf(file: number, document: number, value: string): string {
  return `apiVersion: v1
kind: ConfigMap
metadata:
  name: settings-${file}-${document}
  namespace: bench
  labels: { app.kubernetes.io/name: settings, app.kubernetes.io/part-of: bench }
data:
  value: "${value}"
  colour: blue
  limits.json: |
    {"requests": 100, "seconds": 60}
`;
}

function parseAll(files: readonly File[]): number {
  const startMs = performance.now();
  for (const { text } of files) loadAll(text);
  return performance.now() - startMs;
}

/** As the hub sends it: a header and lines of files, each with its length before it. */
function requestOf(files: readonly File[]): Buffer {
  const lines = files.map(({ path: name, text }) =>
    Buffer.from(`${JSON.stringify({ content: Buffer.from(text).toString('base64'), path: name })}\n`),
  );
  const header = {
    sources: [
      {
        path: '',
        directory: { recurse: true, include: [], exclude: [] },
        frames: lines.map((line) => line.byteLength),
      },
    ],
  };
  const head = Buffer.from(JSON.stringify(header));
  const body = Buffer.concat(lines);
  const prefix = Buffer.alloc(8);
  prefix.writeUInt32BE(head.byteLength, 0);
  prefix.writeUInt32BE(body.byteLength, 4);
  return Buffer.concat([prefix, head, body]);
}

interface Renderer extends AsyncDisposable {
  /** Milliseconds until the whole answer is here. @throws Error where it is a refusal */
  render(request: Buffer): Promise<number>;
}

function startRenderer(): Renderer {
  const program = path.join(root, 'control-plane/hub/dist/rendering/child/main.js');
  // Resolved here so that a checkout that was not built says so instead of a pipe that closes.
  createRequire(import.meta.url).resolve(program);
  // With the young space that the hub gives it.
  const child = spawn(process.execPath, ['--max-semi-space-size=32', program], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {},
  });
  return {
    render: (request) => answerTo(child.stdin, child.stdout, request),
    [Symbol.asyncDispose]: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.stdin.end();
      await ended;
    },
  };
}

async function answerTo(
  stdin: NodeJS.WritableStream,
  stdout: NodeJS.ReadableStream,
  request: Buffer,
): Promise<number> {
  const startMs = performance.now();
  const answered = new Promise<Buffer>((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const listen = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      if (bytes.length < 8 || bytes.length < 8 + bytes.readUInt32BE(0) + bytes.readUInt32BE(4)) return;
      stdout.off('data', listen).off('end', ended);
      resolve(bytes);
    };
    const ended = (): void => reject(new Error('the renderer ended'));
    stdout.on('data', listen).on('end', ended);
  });
  stdin.write(request);
  const bytes = await answered;
  const ms = performance.now() - startMs;
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + bytes.readUInt32BE(0))) as { ok: boolean };
  if (!header.ok) throw new Error(`the renderer refused: ${JSON.stringify(header).slice(0, 500)}`);
  return ms;
}
