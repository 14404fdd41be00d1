/** An HTTP server that answers as a test says, and remembers what it was asked. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Site extends AsyncDisposable {
  url: string;
  seen: { method: string; url: URL; headers: IncomingMessage['headers'] }[];
  answer: (response: ServerResponse) => void;
}

export async function startSite(): Promise<Site> {
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    site.seen.push({ method, url: new URL(url, site.url), headers });
    site.answer(response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const site: Site = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen: [],
    answer: (response) => response.end('ok'),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
  return site;
}

/** As Prometheus answers an instant query. */
export function answerVector(...values: string[]): Site['answer'] {
  const result = values.map((value) => ({ metric: {}, value: [Date.now() / 1000, value] }));
  const body = JSON.stringify({ status: 'success', data: { resultType: 'vector', result } });
  return (response) => response.setHeader('content-type', 'application/json').end(body);
}
