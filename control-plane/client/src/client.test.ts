import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { createClient } from './client.ts';
import { FlotillaApiError, FlotillaConnectionError } from './errors.ts';

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serve(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  server = createServer(handle);
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function json(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

it('sends the token and walks pages by their cursor, leaving out what is not set', async () => {
  const seen: string[] = [];
  const url = await serve((request, response) => {
    seen.push(`${request.headers.authorization} ${request.url}`);
    const last = request.url?.includes('cursor=two');
    json(
      response,
      last ? { items: [{ id: 3 }], next: null } : { items: [{ id: 1 }, { id: 2 }], next: 'two' },
    );
  });
  const client = createClient({ url: `${url}/`, token: 'secret' });
  const ids: unknown[] = [];
  for await (const target of client.targets.all({ health: 'Degraded', cluster: undefined }))
    ids.push(target.id);
  expect(ids).toEqual([1, 2, 3]);
  expect(seen).toEqual([
    'Bearer secret /api/v1/targets?health=Degraded',
    'Bearer secret /api/v1/targets?health=Degraded&cursor=two',
  ]);
});

it('throws what the hub says, with every field that is wrong', async () => {
  const problem = {
    title: 'cannot be done',
    status: 422,
    detail: 'no',
    issues: [{ path: 'name', message: 'bad' }],
  };
  const url = await serve((_request, response) => json(response, problem, 422));
  const error = await createClient({ url })
    .fleet()
    .catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(FlotillaApiError);
  expect((error as FlotillaApiError).problem.issues).toEqual(problem.issues);
  expect((error as FlotillaApiError).message).toBe('no');
});

it('says which hub it cannot reach, and does not follow a redirect with the token', async () => {
  const gone = await createClient({ url: 'http://127.0.0.1:1', token: 'x' })
    .fleet()
    .catch((thrown: unknown) => thrown);
  expect(gone).toBeInstanceOf(FlotillaConnectionError);
  expect((gone as Error).message).toContain('http://127.0.0.1:1');
  const url = await serve((_request, response) =>
    response.writeHead(302, { location: 'http://127.0.0.1:1' }).end(),
  );
  await expect(createClient({ url, token: 'x' }).fleet()).rejects.toBeInstanceOf(FlotillaConnectionError);
});

it('resumes the event stream after a cut with the last id it saw', async () => {
  const asked: (string | undefined)[] = [];
  const url = await serve((request, response) => {
    asked.push(request.headers['last-event-id'] as string | undefined);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const next = asked.length;
    response.end(
      `: hello\n\nid: ${next}\nevent: audit\ndata: {"seq":${next}}\n\nevent: status\ndata: {}\n\n`,
    );
  });
  const stop = new AbortController();
  const seen: string[] = [];
  for await (const event of createClient({ url }).events({ signal: stop.signal })) {
    seen.push(`${event.type} ${event.id}`);
    if (seen.length === 4) stop.abort();
  }
  expect(seen).toEqual(['audit 1', 'status null', 'audit 2', 'status null']);
  expect(asked).toEqual([undefined, '1']);
});

it('ends the event stream when the hub says that the token counts no longer', async () => {
  const url = await serve((_request, response) => json(response, { title: 'no', status: 401 }, 401));
  const stream = createClient({ url }).events({ signal: new AbortController().signal });
  await expect(stream.next()).rejects.toBeInstanceOf(FlotillaApiError);
});
