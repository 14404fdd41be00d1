import { expect, test } from 'vitest';
import type { KubeObject } from '@flotilla/domain/object/types';
import { configMap, entryOf, eventually, openLab, settled } from '../../test/lab.ts';
import type { Lab } from '../../test/lab.ts';

function deployment(name: string, wave: string): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, annotations: { 'argocd.argoproj.io/sync-wave': wave } },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'app', image: 'example.test/app:1' }] },
      },
    },
  };
}

function job(
  name: string,
  annotations: Record<string, string>,
  template: Record<string, string> = {},
): KubeObject {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, annotations },
    spec: {
      backoffLimit: 0,
      template: {
        metadata: { annotations: { 'flotilla.dev/test-run': 'once', ...template } },
        spec: { restartPolicy: 'Never', containers: [{ name: 'run', image: 'example.test/run:1' }] },
      },
    },
  };
}

async function writesInOrder(lab: Lab): Promise<string[]> {
  const calls = await lab.agentCalls();
  return calls
    .filter((call) => call.verb === 'patch' || call.verb === 'delete')
    .map((call) => `${call.verb} ${call.resource} ${call.name}`);
}

test('a sync wave is healthy before the next one starts', async () => {
  await using lab = await openLab('waves');
  const agent = await lab.startAgent();
  const entry = entryOf(lab, [
    deployment('web', '0'),
    configMap('after', {}, { 'argocd.argoproj.io/sync-wave': '5' }),
  ]);
  await agent.assign(entry);
  await settled(agent, entry);
  const events = await eventually('the audit log has both', async () => {
    const seen = (await lab.agentCalls()).filter((call) => call.verb === 'patch');
    return seen.some((call) => call.name === 'after') ? seen : null;
  });
  const at = (name: string): number => Date.parse(events.find((call) => call.name === name)?.at ?? '');
  const live = (await lab.kube.json({
    method: 'GET',
    path: `/apis/apps/v1/namespaces/${lab.namespace}/deployments/web`,
  })) as {
    status: { conditions: { type: string; lastTransitionTime: string }[] };
  };
  const available = live.status.conditions.find((condition) => condition.type === 'Available');
  expect(at('after')).toBeGreaterThan(at('web'));
  expect(at('after')).toBeGreaterThanOrEqual(Date.parse(available?.lastTransitionTime ?? ''));
  await agent.stop();
});

test('a Deployment that rolls out costs one PATCH: what controllers write is no drift', async () => {
  await using lab = await openLab('roll');
  const agent = await lab.startAgent();
  const first = entryOf(lab, [deployment('web', '0')]);
  await agent.assign(first);
  await settled(agent, first);
  const before = (await writesInOrder(lab)).length;
  const changed = deployment('web', '0');
  (changed['spec'] as { replicas: number }).replicas = 4;
  const second = entryOf(lab, [changed], { previous: first });
  await agent.assign(second);
  await settled(agent, second);
  await eventually('the audit log has it', async () => (await writesInOrder(lab)).length > before);
  expect((await writesInOrder(lab)).slice(before)).toEqual(['patch deployments web']);
  expect(agent.facts.filter((fact) => fact.type === 'Drift')).toEqual([]);
  await agent.stop();
});

test('hooks run before and after, once for an assignment, and go when they succeeded', async () => {
  await using lab = await openLab('hooks');
  const agent = await lab.startAgent();
  const objects = [
    job('before', { 'argocd.argoproj.io/hook': 'PreSync' }),
    configMap('main', {}),
    job('after', {
      'argocd.argoproj.io/hook': 'PostSync',
      'argocd.argoproj.io/hook-delete-policy': 'HookSucceeded',
    }),
  ];
  const entry = entryOf(lab, objects);
  await agent.assign(entry);
  const state = await settled(agent, entry);
  expect(state.counts.objects).toBe(1);
  const writes = (
    await eventually('the hook is deleted', async () => {
      const seen = await writesInOrder(lab);
      return seen.includes('delete jobs after') ? seen : null;
    })
  ).filter((write) => !write.includes('namespaces'));
  expect(writes).toEqual([
    'patch jobs before',
    'patch configmaps main',
    'patch jobs after',
    'delete jobs after',
  ]);
  await agent.stop();

  const again = await lab.startAgent();
  await again.assign(entry);
  await settled(again, entry);
  const second = entryOf(lab, objects, { previous: entry });
  await again.assign(second);
  await settled(again, second);
  const rerun = (
    await eventually('the second run ends', async () => {
      const seen = await writesInOrder(lab);
      return seen.filter((write) => write === 'delete jobs after').length === 2 ? seen : null;
    })
  ).filter((write) => !write.includes('namespaces'));
  expect(rerun.slice(4)).toEqual([
    'delete jobs before',
    'patch jobs before',
    'patch jobs after',
    'delete jobs after',
  ]);
  await again.stop();
});

test('a failing PreSync hook keeps everything else from being applied, and SyncFail hooks run', async () => {
  await using lab = await openLab('hookfail');
  const agent = await lab.startAgent();
  const plain = entryOf(lab, [
    job('before', { 'argocd.argoproj.io/hook': 'PreSync' }, { 'flotilla.dev/test-fail': 'exit' }),
    configMap('main', {}),
    job('failed', { 'argocd.argoproj.io/hook': 'SyncFail' }),
  ]);
  const entry = { ...plain, body: { ...plain.body, retry: { ...plain.body.retry, limit: 0 } } };
  await agent.assign(entry);
  const state = await eventually('the operation fails', () => {
    const seen = agent.states.get(entry.head.target);
    return seen?.operation?.phase === 'Failed' ? seen : null;
  });
  expect(state.operation?.message).toMatch(/PreSync hook failed/);
  const writes = await eventually('the SyncFail hook is logged', async () => {
    const seen = await writesInOrder(lab);
    return seen.includes('patch jobs failed') ? seen : null;
  });
  expect(writes).not.toContain('patch configmaps main');
  await agent.stop();
});
