/**
 * One request to the API: token, JSON, problem+json as a typed error. A CA file is read on the first request and
 * trusted in addition to the system's roots; it is the only thing here that needs Node, and is loaded only then.
 */
import type { Fetch } from './fetch.ts';
import { FlotillaApiError, FlotillaConnectionError, type Problem } from './errors.ts';

export type QueryValue = string | number | boolean | undefined | null;

export interface RequestOptions {
  query?: Record<string, QueryValue>;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

export interface ClientOptions {
  /** Base address of the hub, e.g. `https://127.0.0.1:8443`. */
  url: string;
  token?: string | undefined;
  /** PEM file with the hub's CA. */
  caFile?: string | undefined;
  /** Answers later than this are a connection error; default 30 s. Streams are exempt. */
  timeoutMs?: number | undefined;
  userAgent?: string | undefined;
}

export class Transport {
  readonly #options: ClientOptions;
  #fetch: Promise<Fetch> | null = null;

  constructor(options: ClientOptions) {
    this.#options = { ...options, url: options.url.replace(/\/+$/, '') };
  }

  /** Sends and decodes; throws `FlotillaApiError` for an answer that says no, `FlotillaConnectionError` for none. */
  async json<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    const timeout = AbortSignal.timeout(this.#options.timeoutMs ?? 30_000);
    const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
    const response = await this.open(method, path, { ...options, signal });
    if (response.status === 204) return undefined as T;
    const text = await response.text();
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  /** Like `json`, but hands out the open response. */
  async open(method: string, path: string, options: RequestOptions = {}): Promise<Response> {
    const url = this.#options.url + path + queryString(options.query);
    this.#fetch ??= fetchFor(this.#options.caFile);
    const fetch = await this.#fetch;
    let response: Response;
    try {
      response = await fetch(url, this.#init(method, options));
    } catch (error) {
      if (options.signal?.aborted && options.signal.reason?.name !== 'TimeoutError') throw error;
      throw new FlotillaConnectionError(this.#options.url, error);
    }
    if (!response.ok) throw new FlotillaApiError(await problemOf(response), method, path);
    return response;
  }

  #init(method: string, options: RequestOptions): RequestInit {
    const headers: Record<string, string> = { accept: 'application/json', ...options.headers };
    if (this.#options.token) headers['authorization'] = `Bearer ${this.#options.token}`;
    if (this.#options.userAgent) headers['user-agent'] = this.#options.userAgent;
    const init: RequestInit = { method, headers, redirect: 'error', signal: options.signal ?? null };
    if (options.body === undefined) return init;
    headers['content-type'] = 'application/json';
    return { ...init, body: JSON.stringify(options.body) };
  }
}

async function fetchFor(caFile: string | undefined): Promise<Fetch> {
  if (!caFile) return (url, init) => globalThis.fetch(url, init);
  const { fetchTrusting } = await import('./trust.ts');
  return fetchTrusting(caFile);
}

function queryString(query: Record<string, QueryValue> | undefined): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null) parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

async function problemOf(response: Response): Promise<Problem> {
  const fallback: Problem = { title: response.statusText || 'request failed', status: response.status };
  try {
    const body = (await response.json()) as Partial<Problem>;
    return { ...fallback, ...body, status: response.status };
  } catch {
    return fallback;
  }
}
