/** The local clusters are what tests take them for: real API servers, workloads that run, and fail on demand. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { APPLY_CONTENT_TYPE } from '@flotilla/local/kubelab/api';
import { FAIL_ANNOTATION } from '@flotilla/local/kubelab/stages';
import { leaseCluster, type LeasedCluster } from './cluster.ts';
import { eventually } from './eventually.ts';

interface Pod {
  status: {
    phase: string;
    containerStatuses?: { ready: boolean; restartCount: number; state: { waiting?: { reason: string } } }[];
  };
}

describe('a local cluster', () => {
  let cluster: LeasedCluster;
  let namespace: string;

  beforeAll(async () => {
    cluster = await leaseCluster();
    namespace = cluster.named('kubelab');
    const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
    await cluster.api.call('/api/v1/namespaces', { method: 'POST', body });
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  const deploy = (name: string, annotations: Record<string, string>) =>
    cluster.api.call(`/apis/apps/v1/namespaces/${namespace}/deployments`, {
      method: 'POST',
      body: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name },
        spec: {
          replicas: 3,
          selector: { matchLabels: { app: name } },
          template: {
            metadata: { labels: { app: name }, annotations },
            spec: { containers: [{ name: 'main', image: 'registry.example/app:1' }] },
          },
        },
      },
    });

  const podsOf = async (name: string): Promise<Pod[]> => {
    const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=app%3D${name}`;
    return (await cluster.api.call<{ items: Pod[] }>(path)).items;
  };

  test('a workload of three replicas becomes available', async () => {
    await deploy('works', {});
    await eventually('three available replicas', async () => {
      const path = `/apis/apps/v1/namespaces/${namespace}/deployments/works`;
      const { status } = await cluster.api.call<{ status: { availableReplicas?: number } }>(path);
      return status.availableReplicas === 3 || ([false, status] as const);
    });
  });

  test.each([
    ['crash-loop', 'Running', 'CrashLoopBackOff'],
    ['image-pull', 'Pending', 'ImagePullBackOff'],
    ['never-ready', 'Running', undefined],
  ])('a workload fails on demand: %s', async (failure, phase, reason) => {
    await deploy(failure, { [FAIL_ANNOTATION]: failure });
    const shown = { phase, ready: false, reason };
    await eventually(`three pods that show ${failure}`, async () => {
      const pods = (await podsOf(failure)).map(({ status }) => ({
        phase: status.phase,
        ready: status.containerStatuses?.[0]?.ready,
        reason: status.containerStatuses?.[0]?.state.waiting?.reason,
      }));
      expect(pods).toEqual([shown, shown, shown]);
      return true;
    });
  });

  test('its audit log counts each PATCH and shows who deleted what', async () => {
    const base = `/api/v1/namespaces/${namespace}/configmaps`;
    const userAgent = 'counting/1';
    const since = await cluster.audit.mark();
    for (const value of ['1', '2', '3']) {
      const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'counted' }, data: { value } };
      await cluster.api.call(`${base}/counted?fieldManager=test`, {
        method: 'PATCH',
        body,
        contentType: APPLY_CONTENT_TYPE,
        userAgent,
      });
    }
    await cluster.api.call(`${base}/counted`, { method: 'DELETE', userAgent: 'deleting/1' });
    const patches = await cluster.requests({
      since,
      verb: 'patch',
      resource: 'configmaps',
      userAgent: /^counting/,
    });
    expect(patches.map(({ name, code }) => [name, code])).toEqual([
      ['counted', 201],
      ['counted', 200],
      ['counted', 200],
    ]);
    const deletes = await cluster.requests({ since, verb: ['delete', 'deletecollection'], namespace });
    expect(deletes.map(({ name, userAgent: agent }) => [name, agent])).toEqual([['counted', 'deleting/1']]);
  });

  test('a proxy in front of it holds a request before or after the API server did it', async () => {
    const { proxy } = await cluster.proxied();
    const { ApiConnection } = await import('@flotilla/local/kubelab/api');
    const through = new ApiConnection({ ...cluster.api.access, url: proxy.url });
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const create = (name: string) =>
      through.send(path, {
        method: 'POST',
        body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } },
      });
    const exists = async (name: string) => (await cluster.api.send(`${path}/${name}`)).status;

    const before = proxy.hold({ method: 'POST', path: /configmaps/ });
    const held = create('held-before');
    await before.reached;
    expect(await exists('held-before')).toBe(404);
    before.release();
    expect((await held).status).toBe(201);

    const after = proxy.hold({ method: 'POST', path: /configmaps/, when: 'after' });
    const cut = create('cut-after');
    await after.reached;
    expect(await exists('cut-after')).toBe(200);
    after.cut();
    await expect(cut).rejects.toThrow();

    const canned = proxy.answer({ method: 'POST' }, { status: 503 });
    expect((await create('refused')).status).toBe(503);
    canned.stop();
    expect(await exists('refused')).toBe(404);
    expect((await create('let-through')).status).toBe(201);
    through.close();
  });
});
