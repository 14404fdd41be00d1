/**
 * What every file of the suite stands on: one API server of the engine that is tested, and a namespace of the file's own
 * in it. Names of what has no namespace end in the lease's suffix.
 */
import { afterAll, beforeAll } from 'vitest';
import { leaseCluster, type LeasedCluster } from '@flotilla/testkit/cluster';
import { eventually } from '@flotilla/testkit/eventually';
import { HttpClient, patchTypes, type Answer, type PatchType, type SendOptions } from './http.ts';
import type { Json } from './json.ts';
import type { WatchStream } from './watchStream.ts';

const groups: Record<string, string> = {
  configmaps: '/api/v1',
  secrets: '/api/v1',
  services: '/api/v1',
  pods: '/api/v1',
  serviceaccounts: '/api/v1',
  persistentvolumeclaims: '/api/v1',
  endpoints: '/api/v1',
  deployments: '/apis/apps/v1',
  replicasets: '/apis/apps/v1',
  statefulsets: '/apis/apps/v1',
  daemonsets: '/apis/apps/v1',
  jobs: '/apis/batch/v1',
  leases: '/apis/coordination.k8s.io/v1',
  roles: '/apis/rbac.authorization.k8s.io/v1',
  rolebindings: '/apis/rbac.authorization.k8s.io/v1',
};

export class Kube {
  readonly #title: string;
  #cluster: LeasedCluster | undefined;
  #client: HttpClient | undefined;

  constructor(title: string) {
    this.#title = title;
  }

  get cluster(): LeasedCluster {
    if (this.#cluster === undefined) throw new Error('no cluster was leased');
    return this.#cluster;
  }

  get client(): HttpClient {
    if (this.#client === undefined) throw new Error('no cluster was leased');
    return this.#client;
  }

  get namespace(): string {
    return this.named(`conformance-${this.#title}`);
  }

  named(base: string): string {
    return this.cluster.named(base);
  }

  async open(): Promise<void> {
    this.#cluster = await leaseCluster();
    this.#client = new HttpClient(this.#cluster.api.access);
    await this.makeNamespace(this.namespace);
  }

  /** The namespace goes by itself: nobody waits for it. */
  async close(): Promise<void> {
    await this.#client?.send('DELETE', `/api/v1/namespaces/${this.namespace}`);
    this.#client?.close();
    await this.#cluster?.[Symbol.asyncDispose]();
  }

  async makeNamespace(name: string): Promise<Json> {
    const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
    return this.done(this.post('/api/v1/namespaces', body));
  }

  /** Path of a collection in the file's namespace, or of one object and its subresource. */
  at(resource: string, ...rest: string[]): string {
    return [`${groups[resource]}/namespaces/${this.namespace}/${resource}`, ...rest].join('/');
  }

  get(path: string, options: SendOptions = {}): Promise<Answer> {
    return this.client.send('GET', path, options);
  }

  post(path: string, body: unknown, options: SendOptions = {}): Promise<Answer> {
    return this.client.send('POST', path, { ...options, body });
  }

  put(path: string, body: unknown, options: SendOptions = {}): Promise<Answer> {
    return this.client.send('PUT', path, { ...options, body });
  }

  delete(path: string, body?: unknown): Promise<Answer> {
    return this.client.send('DELETE', path, body === undefined ? {} : { body });
  }

  patch(type: PatchType, path: string, body: unknown, options: SendOptions = {}): Promise<Answer> {
    return this.client.send('PATCH', path, { ...options, body, contentType: patchTypes[type] });
  }

  watch(path: string, options: SendOptions = {}): Promise<WatchStream> {
    return this.client.watch(path, options);
  }

  /** The body of a good answer; a refusal fails with its words. */
  async done(answer: Promise<Answer>): Promise<Json> {
    const { status, body } = await answer;
    if (status >= 300) throw new Error(`answered ${status}: ${JSON.stringify(body)}`);
    return body;
  }

  read(path: string, options: SendOptions = {}): Promise<Json> {
    return this.done(this.get(path, options));
  }

  create(resource: string, body: Json): Promise<Json> {
    return this.done(this.post(this.at(resource), body));
  }

  /** The object at a path, once it is as asked. */
  until(what: string, path: string, check: (object: Json) => unknown, timeoutMs = 20_000): Promise<Json> {
    return eventually(
      what,
      async () => {
        const { body } = await this.get(path);
        return check(body) ? body : ([false, body.status ?? body] as const);
      },
      { timeoutMs },
    );
  }

  async untilGone(path: string, timeoutMs = 20_000): Promise<void> {
    await eventually(
      `${path} is gone`,
      async () => {
        const { status, body } = await this.get(path);
        return status === 404 || ([false, body.metadata ?? body] as const);
      },
      { timeoutMs },
    );
  }
}

/** Opened before and closed after the cases of the calling file. */
export function openKube(title: string): Kube {
  const kube = new Kube(title);
  beforeAll(() => kube.open());
  afterAll(() => kube.close());
  return kube;
}
