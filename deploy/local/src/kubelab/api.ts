/**
 * Requests to an API server as its admin, over one kept-alive connection pool per cluster. For what sets clusters up and
 * looks at them; the product's own client lives in the agent.
 */
import { Agent, request } from 'node:https';

export interface ApiAccess {
  /** `https://127.0.0.1:PORT` */
  url: string;
  ca: string;
  token: string;
}

export interface ApiRequest {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  body?: unknown;
  contentType?: string;
  userAgent?: string;
}

export interface ApiAnswer {
  status: number;
  body: unknown;
}

export class ApiStatusError extends Error {
  override readonly name = 'ApiStatusError';
  readonly status: number;
  readonly body: unknown;

  constructor(method: string, path: string, status: number, body: unknown) {
    const message = (body as { message?: string } | null)?.message ?? JSON.stringify(body);
    super(`${method} ${path} was answered ${status}: ${message}`);
    this.status = status;
    this.body = body;
  }
}

export const APPLY_CONTENT_TYPE = 'application/apply-patch+yaml';
const TIMEOUT_MS = 30_000;

export class ApiConnection {
  readonly access: ApiAccess;
  readonly #agent: Agent;

  constructor(access: ApiAccess) {
    this.access = access;
    this.#agent = new Agent({ keepAlive: true, maxSockets: 8, ca: access.ca });
  }

  /** Any answer, whatever its status. */
  async send(
    path: string,
    { method = 'GET', body, contentType, userAgent }: ApiRequest = {},
  ): Promise<ApiAnswer> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const headers: Record<string, string> = {
      authorization: `Bearer ${this.access.token}`,
      accept: 'application/json',
      'user-agent': userAgent ?? 'kubelab-admin',
    };
    if (payload !== undefined) {
      headers['content-type'] = contentType ?? defaultContentType(method);
      // Node sends the body of a DELETE without saying how long it is.
      headers['content-length'] = String(Buffer.byteLength(payload));
    }
    const { status, text } = await this.#exchange(path, method, headers, payload);
    return { status, body: parseBody(text) };
  }

  /** The body of a good answer; throws `ApiStatusError` else. */
  async call<T>(path: string, options: ApiRequest = {}): Promise<T> {
    const answer = await this.send(path, options);
    if (answer.status >= 300) {
      throw new ApiStatusError(options.method ?? 'GET', path, answer.status, answer.body);
    }
    return answer.body as T;
  }

  close(): void {
    this.#agent.destroy();
  }

  #exchange(
    path: string,
    method: string,
    headers: Record<string, string>,
    payload: string | undefined,
  ): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const options = { method, headers, agent: this.#agent, timeout: TIMEOUT_MS };
      const outgoing = request(new URL(path, this.access.url), options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
        );
      });
      outgoing.on('error', reject);
      outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
      outgoing.end(payload);
    });
  }
}

function defaultContentType(method: string): string {
  return method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
