/** Plain requests to an API server, with every header in sight, and watches that are read event by event. */
import { Agent, request, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import type { ApiAccess } from '@flotilla/local/kubelab/api';
import type { Json } from './json.ts';
import { WatchStream } from './watchStream.ts';

export interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  /** Parsed where it is JSON, else the text. */
  body: Json;
}

export interface SendOptions {
  body?: unknown;
  contentType?: string;
  accept?: string;
  /** Impersonated user and groups. */
  as?: string;
  groups?: string[];
  /** Instead of the admin's; null sends none. */
  token?: string | null;
  headers?: Record<string, string>;
}

export const patchTypes = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

export type PatchType = keyof typeof patchTypes;

const requestTimeoutMs = 20_000;

export class HttpClient {
  readonly #access: ApiAccess;
  readonly #agent: Agent;
  readonly #watches = new Set<WatchStream>();

  constructor(access: ApiAccess) {
    this.#access = access;
    this.#agent = new Agent({ keepAlive: true, ca: access.ca });
  }

  async send(method: string, path: string, options: SendOptions = {}): Promise<Answer> {
    const response = await this.#open(method, path, options, requestTimeoutMs);
    const raw = await text(response);
    return { status: response.statusCode ?? 0, headers: response.headers, body: parse(raw) };
  }

  /** The answer has begun; an answer that is no stream fails. */
  async watch(path: string, options: SendOptions = {}): Promise<WatchStream> {
    const response = await this.#open('GET', path, options);
    if (response.statusCode !== 200) {
      throw new Error(`GET ${path} was answered ${response.statusCode}: ${await text(response)}`);
    }
    const stream = new WatchStream(response);
    this.#watches.add(stream);
    return stream;
  }

  close(): void {
    for (const stream of this.#watches) stream.stop();
    this.#agent.destroy();
  }

  #open(method: string, path: string, options: SendOptions, timeoutMs?: number): Promise<IncomingMessage> {
    const { body } = options;
    const payload = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
    // Node sends the body of a DELETE in a way that no server can read, unless its length is said.
    const length = payload === undefined ? {} : { 'content-length': Buffer.byteLength(payload) };
    const headers = { ...this.#headersOf(options), ...length };
    const target: RequestOptions = { method, agent: this.#agent, headers };
    return new Promise((resolve, reject) => {
      const outgoing = request(new URL(path, this.#access.url), target, resolve);
      outgoing.on('error', reject);
      if (timeoutMs !== undefined)
        outgoing.setTimeout(timeoutMs, () => outgoing.destroy(new Error(`no answer to ${method} ${path}`)));
      outgoing.end(payload);
    });
  }

  #headersOf({ body, contentType, accept, as, groups, token, headers }: SendOptions) {
    const bearer = token === undefined ? this.#access.token : token;
    return {
      accept: accept ?? 'application/json',
      'user-agent': 'conformance',
      ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
      ...(body === undefined ? {} : { 'content-type': contentType ?? 'application/json' }),
      ...(as === undefined ? {} : { 'impersonate-user': as }),
      ...(groups === undefined ? {} : { 'impersonate-group': groups }),
      ...headers,
    };
  }
}

function parse(raw: string): Json {
  try {
    return JSON.parse(raw);
  } catch {
    return raw;
  }
}
