/** One request on its way through a simulated cluster, and the forms in which it is answered. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzip } from 'node:zlib';
import { promisify } from 'node:util';
import { parse as parseYaml, stringify as stringifyYaml } from 'yaml';
import type { ClusterStore } from './clusterStore.ts';
import { ApiError, badRequest } from './apiError.ts';
import type { Faults } from './faults.ts';
import type { Credentials, User } from './identity.ts';
import { formOf } from './mediaType.ts';
import { readProtobuf } from './protobuf.ts';
import type { RequestInfo } from './requestInfo.ts';
import type { ClusterControllers } from './store.ts';
import type { Ticker } from './ticker.ts';

/** All that answers for one cluster. */
export interface ServedCluster {
  store: ClusterStore;
  credentials: Credentials;
  faults: Faults;
  ticker: Ticker;
  audit: AuditLog | undefined;
  controllers: ClusterControllers | undefined;
}

export interface Exchange {
  cluster: ServedCluster;
  request: IncomingMessage;
  response: ServerResponse;
  info: RequestInfo;
  user: User;
  warnings: string[];
  /** Body of the request, once it was read. */
  body: unknown;
}

/** See `audit.ts`. */
export interface AuditLog {
  record(exchange: Exchange, stage: 'ResponseStarted' | 'ResponseComplete', receivedMs: number): void;
  /** Requests by `verb resource manager userAgent`. */
  counters(): Record<string, number>;
  close(): Promise<void>;
}

const compress = promisify(gzip);
const gzipFromBytes = 128 * 1_024;
const bodyMaxBytes = 3 * 1_024 * 1_024;

export async function answerJson(exchange: Exchange, code: number, body: unknown): Promise<void> {
  const { response, request, warnings } = exchange;
  const isYaml = formOf(request.headers.accept) === 'yaml';
  let bytes: Buffer = Buffer.from(isYaml ? stringifyYaml(body) : JSON.stringify(body));
  const headers: Record<string, string | string[] | number> = {
    'content-type': isYaml ? 'application/yaml' : 'application/json',
    'cache-control': 'no-cache, private',
  };
  if (warnings.length > 0)
    headers['warning'] = warnings.map((text) => `299 - "${text.replaceAll('"', '\\"')}"`);
  if (bytes.length > gzipFromBytes && String(request.headers['accept-encoding']).includes('gzip')) {
    bytes = await compress(bytes, { level: 1 });
    headers['content-encoding'] = 'gzip';
  }
  headers['content-length'] = bytes.length;
  response.writeHead(code, headers);
  response.end(request.method === 'HEAD' ? undefined : bytes);
}

export function answerText(exchange: Exchange, text: string): void {
  exchange.response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
  exchange.response.end(text);
}

/** JSON, or YAML where it says so; undefined for an empty body. */
export async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  // The connection outlives a body that is too large: the rest of it is passed over once the refusal is sent.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyMaxBytes)
      throw new ApiError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${bodyMaxBytes}`);
    chunks.push(chunk);
  }
  if (size === 0) return undefined;
  const bytes = Buffer.concat(chunks);
  const type = request.headers['content-type'] ?? '';
  if (/protobuf|cbor/.test(type)) {
    const read = readProtobuf(bytes);
    if (read !== undefined) return read;
    const words = `the body of the request was in an unknown format - accepted media types include: application/json, application/yaml`;
    throw new ApiError(415, 'UnsupportedMediaType', words);
  }
  const text = bytes.toString('utf8');
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (type.includes('yaml')) return readYaml(text);
    throw badRequest(`couldn't get version/kind; json parse error: ${(error as Error).message}`);
  }
}

function readYaml(text: string): unknown {
  try {
    return parseYaml(text) as unknown;
  } catch (error) {
    throw badRequest(`error converting YAML to JSON: ${(error as Error).message}`);
  }
}
