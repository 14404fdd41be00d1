/**
 * What an API server was asked, by its own audit log: the way tests count PATCHes and see every DELETE. An answer is
 * complete: everything that was answered before the question is in it.
 */
import { randomBytes } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import type { ApiConnection } from '@flotilla/local/kubelab/api';
import { eventually } from './eventually.ts';

export interface AuditedRequest {
  /** As Kubernetes says: get list watch create update patch delete deletecollection. */
  verb: string;
  user: string;
  userAgent: string;
  uri: string;
  /** Empty for requests that are not about a resource. */
  group: string;
  resource: string;
  subresource: string;
  namespace: string;
  name: string;
  code: number;
  at: string;
  /** Of a DELETE: the UID that it names, or null. */
  preconditionUid: string | null;
}

export interface RequestFilter {
  verb?: string | readonly string[];
  userAgent?: RegExp;
  user?: RegExp;
  resource?: string;
  namespace?: string;
  name?: string;
  /** A place in the log from `mark`; without it everything since the lease. */
  since?: number;
}

interface AuditEvent {
  stage: string;
  verb: string;
  requestURI: string;
  user?: { username?: string };
  userAgent?: string;
  objectRef?: {
    apiGroup?: string;
    resource?: string;
    subresource?: string;
    namespace?: string;
    name?: string;
  };
  /** The body; only of deletes. */
  requestObject?: { preconditions?: { uid?: string } };
  responseStatus?: { code?: number };
  requestReceivedTimestamp: string;
}

const FENCE = 'audit-fence';

export class AuditLog {
  readonly #file: string;
  readonly #api: ApiConnection;
  #start = 0;

  constructor(file: string, api: ApiConnection) {
    this.#file = file;
    this.#api = api;
  }

  /** The place in the log that is now; with `restart` also where later questions begin by default. */
  async mark({ restart = false } = {}): Promise<number> {
    await this.#readFenced(await this.#size());
    const place = await this.#size();
    if (restart) this.#start = place;
    return place;
  }

  async requests(filter: RequestFilter = {}): Promise<AuditedRequest[]> {
    const text = await this.#readFenced(filter.since ?? this.#start);
    return parseAudit(text).filter((request) => matches(request, filter));
  }

  async #size(): Promise<number> {
    return (await stat(this.#file)).size;
  }

  /** The log is written a moment after the answer: a request of our own, once in it, says that all before it is. */
  async #readFenced(from: number): Promise<string> {
    const fence = `${FENCE}/${randomBytes(8).toString('hex')}`;
    const fenceFrom = await this.#size();
    await this.#api.send('/version', { userAgent: fence });
    await eventually(`the audit log to have ${fence}`, async () =>
      (await readFrom(this.#file, fenceFrom)).includes(fence),
    );
    return readFrom(this.#file, from);
  }
}

/** Each request once, whole lines only. */
export function parseAudit(text: string): AuditedRequest[] {
  const requests: AuditedRequest[] = [];
  const end = text.lastIndexOf('\n');
  for (const line of text.slice(0, Math.max(end, 0)).split('\n')) {
    if (line === '' || line.includes(FENCE)) continue;
    const event = JSON.parse(line) as AuditEvent;
    if (event.stage === (event.verb === 'watch' ? 'ResponseStarted' : 'ResponseComplete'))
      requests.push(requestOf(event));
  }
  return requests;
}

function requestOf(event: AuditEvent): AuditedRequest {
  const object = event.objectRef ?? {};
  return {
    verb: event.verb,
    user: event.user?.username ?? '',
    userAgent: event.userAgent ?? '',
    uri: event.requestURI,
    group: object.apiGroup ?? '',
    resource: object.resource ?? '',
    subresource: object.subresource ?? '',
    namespace: object.namespace ?? '',
    name: object.name ?? '',
    code: event.responseStatus?.code ?? 0,
    at: event.requestReceivedTimestamp,
    preconditionUid: event.requestObject?.preconditions?.uid ?? null,
  };
}

function matches(request: AuditedRequest, filter: RequestFilter): boolean {
  const verbs = typeof filter.verb === 'string' ? [filter.verb] : filter.verb;
  if (verbs !== undefined && !verbs.includes(request.verb)) return false;
  if (filter.userAgent !== undefined && !filter.userAgent.test(request.userAgent)) return false;
  if (filter.user !== undefined && !filter.user.test(request.user)) return false;
  if (filter.resource !== undefined && filter.resource !== request.resource) return false;
  if (filter.namespace !== undefined && filter.namespace !== request.namespace) return false;
  return filter.name === undefined || filter.name === request.name;
}

async function readFrom(file: string, from: number): Promise<string> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    const bytes = Buffer.alloc(Math.max(size - from, 0));
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, from);
    return bytes.subarray(0, bytesRead).toString('utf8');
  } finally {
    await handle.close();
  }
}
