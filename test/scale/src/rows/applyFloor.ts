/** The floor of applying: server-side apply of ready objects, 16 in flight, over connections that are kept. */
import type { ApiAccess } from '@flotilla/local/kubelab/api';
import { Pool } from 'undici';

export interface RawObject {
  path: string;
  body: object;
}

const inFlight = 16;

/** Milliseconds for all of them. */
export async function applyAll(access: ApiAccess, objects: readonly RawObject[]): Promise<number> {
  const pool = new Pool(access.url, { connect: { ca: access.ca }, connections: inFlight });
  const waiting = [...objects];
  const startMs = performance.now();
  const worker = async (): Promise<void> => {
    for (let object = waiting.pop(); object !== undefined; object = waiting.pop()) {
      const answer = await pool.request({
        method: 'PATCH',
        path: `${object.path}?fieldManager=floor&force=true`,
        headers: { authorization: `Bearer ${access.token}`, 'content-type': 'application/apply-patch+yaml' },
        body: JSON.stringify(object.body),
      });
      await answer.body.dump();
      if (answer.statusCode >= 300) throw new Error(`the api server answered ${answer.statusCode}`);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  const ms = performance.now() - startMs;
  await pool.close();
  return ms;
}

export function rawConfigMaps(namespace: string, count: number, value: string): RawObject[] {
  return Array.from({ length: count }, (_, index) => ({
    path: `/api/v1/namespaces/${namespace}/configmaps/floor-${index}`,
    body: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: `floor-${index}` },
      data: { value, padding: 'x'.repeat(400) },
    },
  }));
}

export function rawDeployments(namespace: string, count: number, value: string): RawObject[] {
  return Array.from({ length: count }, (_, index) => ({
    path: `/apis/apps/v1/namespaces/${namespace}/deployments/floor-${index}`,
    body: deploymentOf(`floor-${index}`, value),
  }));
}

export function deploymentOf(name: string, value: string): object {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels, annotations: { value } },
        spec: { containers: [{ name: 'web', image: 'registry.example/web:1' }] },
      },
    },
  };
}
