/** An API server of a few objects in memory, with compare-and-swap, and watches that the test feeds. */
import type { KubeObject } from '@flotilla/domain/object/types';
import type { KubeClient, KubeRequest } from '../src/kube/client.ts';
import { KubeError } from '../src/kube/error.ts';

export interface FakeKube extends KubeClient {
  objects: Map<string, KubeObject>;
  /** One entry a request, `VERB path`. */
  requests: string[];
  /** Next request rejects with this. */
  failNext: KubeError | null;
  /** Open watch streams, oldest first. */
  streams: FakeStream[];
  /** resourceVersion of the last write. */
  version: number;
}

export interface FakeStream {
  path: string;
  push(text: string): void;
  end(): void;
  fail(error: Error): void;
}

export function fakeKube(): FakeKube {
  const fake: FakeKube = {
    server: 'https://fake.test',
    objects: new Map(),
    requests: [],
    failNext: null,
    streams: [],
    version: 1,
    send: async (request) => ({
      status: 200,
      headers: {},
      text: JSON.stringify(await answer(fake, request)),
    }),
    json: (request) => answer(fake, request),
    stream: (request) => openStream(fake, request),
    close: () => Promise.resolve(),
  };
  return fake;
}

function answer(fake: FakeKube, request: KubeRequest): Promise<unknown> {
  fake.requests.push(`${request.method} ${request.path}`);
  const failure = fake.failNext;
  fake.failNext = null;
  if (failure) return Promise.reject(failure);
  try {
    return Promise.resolve(handle(fake, request));
  } catch (error) {
    return Promise.reject(error as Error);
  }
}

function handle(fake: FakeKube, request: KubeRequest): unknown {
  const path = request.path.split('?')[0] ?? '';
  const body = typeof request.body === 'string' ? (JSON.parse(request.body) as KubeObject) : null;
  const live = fake.objects.get(path);
  if (request.method === 'POST' && body) return store(fake, `${path}/${body.metadata.name}`, body, null);
  if (request.method === 'PUT' && body) return replace(fake, path, body, live);
  if (live) return live;
  const items = [...fake.objects].filter(([key]) => key.startsWith(`${path}/`)).map(([, object]) => object);
  if (path.endsWith('s')) return { metadata: { resourceVersion: String(fake.version) }, items };
  throw new KubeError('NotFound', `${path} not found`, { status: 404 });
}

function replace(fake: FakeKube, path: string, body: KubeObject, live: KubeObject | undefined): KubeObject {
  if (live === undefined) throw new KubeError('NotFound', 'not found', { status: 404 });
  if (live.metadata['resourceVersion'] !== body.metadata['resourceVersion'])
    throw new KubeError('Conflict', 'changed meanwhile', { status: 409 });
  return store(fake, path, body, live);
}

function store(fake: FakeKube, path: string, body: KubeObject, live: KubeObject | null): KubeObject {
  if (live === null && fake.objects.has(path))
    throw new KubeError('AlreadyExists', 'exists', { status: 409 });
  fake.version += 1;
  const metadata = {
    ...body.metadata,
    uid: live?.metadata['uid'] ?? `uid-${fake.version}`,
    resourceVersion: String(fake.version),
  };
  const stored: KubeObject = { ...body, metadata };
  fake.objects.set(path, stored);
  return stored;
}

function openStream(fake: FakeKube, request: KubeRequest): Promise<AsyncIterable<Buffer>> {
  fake.requests.push(`WATCH ${request.path}`);
  let wake = Promise.withResolvers<void>();
  const chunks: (Buffer | Error | null)[] = [];
  const add = (chunk: Buffer | Error | null): void => {
    chunks.push(chunk);
    wake.resolve();
  };
  request.signal?.addEventListener('abort', () => add(new Error('aborted')));
  fake.streams.push({
    path: request.path,
    push: (text) => add(Buffer.from(text)),
    end: () => add(null),
    fail: (error) => add(error),
  });
  return Promise.resolve(
    (async function* () {
      for (;;) {
        while (chunks.length === 0) await wake.promise;
        wake = Promise.withResolvers<void>();
        const chunk = chunks.shift();
        if (chunk instanceof Error) throw chunk;
        if (chunk === null || chunk === undefined) return;
        yield chunk;
      }
    })(),
  );
}
