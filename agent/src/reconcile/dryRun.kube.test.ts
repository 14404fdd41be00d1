/** A plan says what a bundle would change, as the server sees it, and changes nothing. */
import { expect, test } from 'vitest';
import type { KubeObject } from '@flotilla/domain/object/types';
import type { PlannedObject, TargetPlan } from '@flotilla/domain/plan/plan';
import { problemOfPlan } from '@flotilla/domain/plan/message';
import { planDigest } from '@flotilla/domain/plan/targetPlan';
import type { Lab, LabAgent, LabEntry } from '../../test/lab.ts';
import { bundleOf, configMap, entryOf, openLab, settled, storeBundle } from '../../test/lab.ts';
import { sha256 } from '../state/sha256.ts';
/* eslint-disable-next-line @nx/enforce-module-boundaries -- tests stand on the testkit, the program does not */
import { differs } from '@flotilla/testkit/differs';

async function planOf(agent: LabAgent, entry: LabEntry, hooks = true): Promise<TargetPlan> {
  await storeBundle(agent.state, entry.objects);
  const { head, body } = entry;
  const request = { target: head.target, bundle: bundleOf(entry.objects).index.digest, body, hooks };
  return agent.reconciler.dryRun({ ...request, bodyDigest: head.body }, new AbortController().signal);
}

function brief(plan: TargetPlan): string[] {
  return plan.objects.map(({ action, object }) => `${action} ${object.kind} ${object.name}`);
}

function changeOf(plan: TargetPlan, name: string): Extract<PlannedObject, { action: 'change' }> {
  const found = plan.objects.find(({ object }) => object.name === name);
  if (found?.action !== 'change') throw new Error(`${name} does not change: ${JSON.stringify(plan)}`);
  return found;
}

function secret(name: string, password: string): KubeObject {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData: { password } };
}

/** Every request but reads and dry-runs. */
async function writesOf(lab: Lab): Promise<string[]> {
  const calls = await lab.agentCalls();
  return calls
    .filter(({ verb, uri }) => !['get', 'list', 'watch'].includes(verb) && !uri.includes('dryRun=All'))
    .map(({ verb, uri }) => `${verb} ${uri}`);
}

test('says which objects would be made, changed path by path, pruned and left, and writes nothing', async () => {
  await using lab = await openLab('plan');
  const agent = await lab.startAgent();
  const before = entryOf(lab, [
    configMap('same', { key: '1' }),
    configMap('turn', { key: '1', drop: 'x' }),
    configMap('leave', {}),
    secret('login', 'old-canary'),
  ]);
  await agent.assign(before);
  await settled(agent, before);
  const writes = await writesOf(lab);
  const after = entryOf(
    lab,
    [
      configMap('same', { key: '1' }),
      configMap('turn', { key: '2', make: 'y' }),
      configMap('fresh', {}),
      secret('login', 'new-canary'),
    ],
    { previous: before },
  );
  const plan = await planOf(agent, after);
  expect(brief(plan)).toEqual([
    'delete ConfigMap leave',
    'change ConfigMap turn',
    'change Secret login',
    'create ConfigMap fresh',
  ]);
  expect(plan.counts.unchanged).toBe(1);
  expect(changeOf(plan, 'turn').fields).toEqual([
    { path: '/data/drop', before: '"x"', after: null },
    { path: '/data/key', before: '"1"', after: '"2"' },
    { path: '/data/make', before: null, after: '"y"' },
  ]);
  expect(changeOf(plan, 'login').fields.map(({ path }) => path)).toEqual(['/data/password']);
  const shown = JSON.stringify(plan);
  for (const canary of ['old-canary', 'new-canary']) {
    expect(shown).not.toContain(canary);
    expect(shown).not.toContain(Buffer.from(canary).toString('base64'));
  }
  expect(await writesOf(lab)).toEqual(writes);
  expect(agent.states.get(before.head.target)?.sync).toBe('Synced');
  await agent.stop();
});

test('of what is there already is clean, and a field changed by hand is what a sync would take back', async () => {
  await using lab = await openLab('plan-clean');
  const agent = await lab.startAgent();
  const entry = entryOf(lab, [configMap('a', { key: '1' }), configMap('b', {})], {
    body: { sync: { ...entryOf(lab, []).body.sync, selfHeal: false } },
  });
  await agent.assign(entry);
  await settled(agent, entry);
  expect(await planOf(agent, entry, false)).toMatchObject({ objects: [], counts: { unchanged: 2 } });
  await lab.kube.send({
    method: 'PATCH',
    path: `/api/v1/namespaces/${lab.namespace}/configmaps/a?fieldManager=somebody`,
    contentType: 'application/merge-patch+json',
    body: JSON.stringify({ data: { key: 'by hand' } }),
  });
  await expect
    .poll(async () => (await planOf(agent, entry, false)).objects, { timeout: 10_000 })
    .toMatchObject([
      { action: 'change', fields: [{ path: '/data/key', before: '"by hand"', after: '"1"' }] },
    ]);
  await agent.stop();
});

test('works for a namespace that is yet to be made, and for an application that was never here', async () => {
  await using lab = await openLab('plan-new');
  const agent = await lab.startAgent();
  const entry = entryOf(lab, [configMap('a', {}), secret('login', 'x')]);
  const writes = await writesOf(lab);
  const plan = await planOf(agent, entry);
  expect(brief(plan)).toEqual([
    'create ConfigMap a',
    `create Namespace ${lab.namespace}`,
    'create Secret login',
  ]);
  const [inside] = plan.objects;
  expect(inside).toMatchObject({ note: `not validated: namespace ${lab.namespace} is made first` });
  expect(await writesOf(lab)).toEqual(writes);
  const nowhere = entryOf(lab, [configMap('a', {})], {
    body: { sync: { ...entry.body.sync, createNamespace: false } },
  });
  expect(problemOfPlan(await planOf(agent, nowhere))).toMatch(/not found.*set createNamespace/);
  await agent.stop();
});

function crd(group: string): KubeObject {
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object' } } } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  };
}

test('says of an object whose kind comes with the same bundle that it is not validated, and refuses a kind nobody brings', async () => {
  await using lab = await openLab('plan-crd');
  const agent = await lab.startAgent();
  const group = `y${lab.suffix}.flotilla.test`;
  const widget: KubeObject = { apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name: 'w' } };
  const gadget: KubeObject = { apiVersion: 'nobody.test/v1', kind: 'Gadget', metadata: { name: 'g' } };
  const plan = await planOf(agent, entryOf(lab, [crd(group), widget, gadget]));
  expect(brief(plan)[0]).toBe('fail Gadget g');
  expect(plan.objects.find(({ object }) => object.kind === 'Widget')).toMatchObject({
    action: 'create',
    note: 'not validated: its kind comes with the same bundle',
  });
  await agent.stop();
});

/** An admission policy of the server's own: it denies config maps with this key, in this namespace. */
async function denyKey(lab: Lab, key: string): Promise<void> {
  const name = `deny-${lab.suffix}`;
  const group = '/apis/admissionregistration.k8s.io/v1';
  const policy = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: {
        resourceRules: [
          {
            apiGroups: [''],
            apiVersions: ['v1'],
            operations: ['CREATE', 'UPDATE'],
            resources: ['configmaps'],
          },
        ],
      },
      validations: [
        { expression: `!has(object.data) || !('${key}' in object.data)`, message: `${key} is not welcome` },
      ],
    },
  };
  const binding = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name },
    spec: {
      policyName: name,
      validationActions: ['Deny'],
      matchResources: {
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': lab.namespace } },
      },
    },
  };
  const send = (plural: string, body: object): Promise<unknown> =>
    lab.kube.send({ method: 'POST', path: `${group}/${plural}`, body: JSON.stringify(body) });
  await send('validatingadmissionpolicies', policy);
  await send('validatingadmissionpolicybindings', binding);
}

test(
  "says the refusal of an admission policy in the server's own words, beside what would go well",
  differs({ reason: 'it has no admission policies' }),
  async () => {
    await using lab = await openLab('plan-deny');
    const agent = await lab.startAgent();
    const before = entryOf(lab, [configMap('a', {})]);
    await agent.assign(before);
    await settled(agent, before);
    const key = `bad${lab.suffix}`;
    await denyKey(lab, key);
    const after = entryOf(lab, [configMap('a', { [key]: '1' }), configMap('b', {})], { previous: before });
    await expect
      .poll(async () => brief(await planOf(agent, after)), { timeout: 8_000 })
      .toEqual(['fail ConfigMap a', 'create ConfigMap b']);
    expect(problemOfPlan(await planOf(agent, after))).toContain(`${key} is not welcome`);
    await agent.stop();
  },
);

function refusal(code: number, reason: string, message: string) {
  return {
    status: code,
    body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message },
  };
}

test('tells a webhook that refuses from one that takes no dry-runs and from a server that does not answer', async () => {
  await using lab = await openLab('plan-webhook');
  const { proxy, kubeconfig } = await lab.proxied();
  const agent = await lab.startAgent({ kubeconfig });
  const before = entryOf(lab, [configMap('other', {})]);
  await agent.assign(before);
  await settled(agent, before);
  const dryRunOf = (name: string) => ({
    method: 'PATCH',
    path: new RegExp(`/configmaps/${name}\\?.*dryRun=All`),
  });
  const denied = 'admission webhook "policy.test" denied the request: no owner label';
  proxy.answer(dryRunOf('denied'), refusal(403, 'Forbidden', denied));
  const without = 'admission webhook "old.test" does not support dry run';
  proxy.answer(dryRunOf('undryable'), refusal(400, 'BadRequest', without));
  const away = 'Internal error occurred: failed calling webhook "away.test": timeout';
  proxy.answer(dryRunOf('away'), refusal(500, 'InternalError', away));
  const objects = ['away', 'denied', 'other', 'undryable'].map((name) => configMap(name, {}));
  const plan = await planOf(agent, entryOf(lab, objects, { previous: before }));
  expect(plan.objects.map(({ object: _object, ...what }) => what)).toMatchObject([
    { action: 'fail', reason: 'Refused', message: denied },
    { action: 'unknown', message: away },
    { action: 'create', note: 'not validated: a webhook does not take dry-runs' },
  ]);
  expect(plan.counts.unchanged).toBe(1);
  await agent.stop();
});

test('says what validation refuses, what another owner has and what the project does not allow', async () => {
  await using lab = await openLab('plan-fail');
  const agent = await lab.startAgent();
  const owner = entryOf(lab, [configMap('theirs', {})]);
  await agent.assign(owner);
  await settled(agent, owner);
  const bad: KubeObject = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'bad' },
    spec: { ports: [{ port: 99_999 }] },
  };
  const elsewhere = configMap('elsewhere', {});
  elsewhere.metadata['namespace'] = 'default';
  const own = configMap('own', {});
  own.metadata['namespace'] = lab.agentNamespace;
  const entry = entryOf(lab, [bad, configMap('theirs', { a: '1' }), elsewhere, own], {
    body: {
      allowed: {
        namespaces: [lab.namespace, lab.agentNamespace],
        clusterKinds: [],
        namespacedKindsDenied: [],
      },
    },
  });
  const plan = await planOf(agent, entry);
  const reasons = plan.objects.map((one) => [
    one.object.name,
    one.action === 'fail' ? one.reason : one.action,
  ]);
  expect(Object.fromEntries(reasons)).toEqual({
    bad: 'Refused',
    elsewhere: 'NotPermitted',
    own: 'NotPermitted',
    theirs: 'SharedResource',
  });
  await agent.stop();
});

test('lists a hook that would run, also where the one of the last run is still there', async () => {
  await using lab = await openLab('plan-hook');
  const agent = await lab.startAgent();
  const hook = configMap('migrate', { step: '1' }, { 'argocd.argoproj.io/hook': 'PreSync' });
  const before = entryOf(lab, [configMap('a', {}), hook]);
  await agent.assign(before);
  await settled(agent, before);
  const plan = await planOf(agent, before);
  expect(plan.objects).toMatchObject([{ action: 'run', phase: 'PreSync', object: { name: 'migrate' } }]);
  expect((await planOf(agent, before, false)).objects).toEqual([]);
  await agent.stop();
});

test('leaves what is pruned only on demand, and says so', async () => {
  await using lab = await openLab('plan-keep');
  const agent = await lab.startAgent();
  const keep = configMap('keep', {}, { 'argocd.argoproj.io/sync-options': 'Prune=false' });
  const before = entryOf(lab, [configMap('a', {}), configMap('b', {}), keep]);
  await agent.assign(before);
  await settled(agent, before);
  const after = entryOf(lab, [configMap('a', {})], { previous: before });
  expect((await planOf(agent, after)).objects).toMatchObject([
    { action: 'delete', object: { name: 'b' } },
    { action: 'keep', reason: 'Denied', object: { name: 'keep' } },
  ]);
  const off = entryOf(lab, [configMap('a', {})], {
    previous: before,
    body: { prune: { enabled: false, allowEmpty: false } },
  });
  expect(brief(await planOf(agent, off))).toEqual(['keep ConfigMap b', 'keep ConfigMap keep']);
  await agent.stop();
});

test('is the same, digest for digest, wherever the same would change', async () => {
  await using lab = await openLab('plan-twin');
  const agent = await lab.startAgent();
  const before = entryOf(lab, [configMap('a', { key: '1' })]);
  await agent.assign(before);
  await settled(agent, before);
  const after = entryOf(lab, [configMap('a', { key: '2' }), configMap('b', {})], { previous: before });
  const [one, two] = [await planOf(agent, after), await planOf(agent, after)] as const;
  expect(planDigest(one, sha256)).toBe(planDigest(two, sha256));
  await agent.stop();
});
