/** kubectl works with an API server as people use it. Where it is missing its cases are skipped, and a run in CI fails. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openKube } from './src/kube.ts';
import { configMap, deployment } from './src/objects.ts';

const kube = openKube('kubectl');
const missing = spawnSync('kubectl', ['version', '--client']).status !== 0;
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flotilla-kubectl-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

function run(args: string[], env: Record<string, string> = {}): Promise<Ran> {
  const { kubeconfig } = kube.cluster;
  const all = [
    `--kubeconfig=${kubeconfig}`,
    `--namespace=${kube.namespace}`,
    `--cache-dir=${folder}/cache`,
    ...args,
  ];
  return new Promise((resolve) => {
    // Its own variables only: none of this process may change what kubectl does.
    const options = { timeout: 30_000, env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: folder, ...env } };
    execFile('kubectl', all, options, (error, stdout, stderr) => {
      resolve({
        code: typeof error?.code === 'number' ? error.code : Number(error !== null),
        stdout,
        stderr,
      });
    });
  });
}

async function kubectl(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(args);
  expect(code, stderr).toBe(0);
  return stdout;
}

async function fileOf(object: { metadata: { name: string } }): Promise<string> {
  const file = join(folder, `${object.metadata.name}.json`);
  await writeFile(file, JSON.stringify(object));
  return file;
}

describe.skipIf(missing)('kubectl', () => {
  test('get shows the server’s columns', async () => {
    await kube.create('configmaps', configMap('shown', { a: '1', b: '2' }));
    const [head, row] = (await kubectl('get', 'configmap', 'shown')).split('\n');
    expect(head?.split(/\s+/)).toEqual(['NAME', 'DATA', 'AGE']);
    expect(row).toMatch(/^shown\s+2\s+\d+s$/);
  });

  test('get knows short names, and all of a category', async () => {
    await kube.create('deployments', deployment('categorized', { replicas: 0 }));
    expect(await kubectl('get', 'deploy', '-o', 'name')).toContain('deployment.apps/categorized');
    expect(await kubectl('get', 'all', '-o', 'name')).toContain('deployment.apps/categorized');
    expect(await kubectl('get', 'cm', '-o', 'jsonpath={.items[*].metadata.name}')).toContain(
      'kube-root-ca.crt',
    );
  });

  test('get of what is not there says NotFound', async () => {
    const { code, stderr } = await run(['get', 'configmap', 'absent']);
    expect(code).toBe(1);
    expect(stderr).toBe('Error from server (NotFound): configmaps "absent" not found\n');
  });

  test('get --watch shows changes as they come', async () => {
    await kube.create('configmaps', configMap('watched'));
    const watching = run([
      'get',
      'configmap',
      'watched',
      '--watch',
      '--request-timeout=3s',
      '-o',
      'jsonpath={.data.a};',
    ]);
    await kube.until('patched', kube.at('configmaps', 'watched'), async () => {
      await kube.patch('merge', kube.at('configmaps', 'watched'), { data: { a: String(performance.now()) } });
      return true;
    });
    expect((await watching).stdout).toMatch(/^[\d.]+;/);
  });

  test.each([
    ['deployment made --image=registry.example/app:1 --replicas=0', 'deployment.apps/made created'],
    ['service nodeport made --tcp=80:8080', 'service/made created'],
    ['job made --image=registry.example/app:1 -- run it', 'job.batch/made created'],
    ['cronjob made --image=registry.example/app:1 --schedule=@daily', 'cronjob.batch/made created'],
    ['job made-now --from=cronjob/made', 'job.batch/made-now created'],
    ['role made --verb=get --resource=pods', 'role.rbac.authorization.k8s.io/made created'],
    ['rolebinding made --role=made --user=u', 'rolebinding.rbac.authorization.k8s.io/made created'],
    [
      'poddisruptionbudget made --selector=a=b --min-available=50%',
      'poddisruptionbudget.policy/made created',
    ],
    ['ingress made --rule=made.example/x=made:80', 'ingress.networking.k8s.io/made created'],
    ['secret generic made --from-literal=a=b', 'secret/made created'],
    ['configmap made --from-literal=a=b', 'configmap/made created'],
  ])('create %s', async (args, said) => {
    expect(await kubectl('create', ...args.split(' '))).toBe(`${said}\n`);
  });

  test('what create made is what was asked for', async () => {
    const { spec } = await kube.read(kube.at('deployments', 'made'));
    expect([spec.replicas, spec.template.spec.containers[0].image]).toEqual([0, 'registry.example/app:1']);
    expect(spec.strategy.rollingUpdate).toEqual({ maxSurge: '25%', maxUnavailable: '25%' });
    const made = await kube.read(kube.at('services', 'made'));
    expect(made.spec.ports[0]).toMatchObject({ port: 80, targetPort: 8080, protocol: 'TCP' });
    const { spec: job } = await kube.read(kube.at('jobs', 'made'));
    expect(job.template.spec.containers[0].command).toEqual(['run', 'it']);
  });

  test('set image, rollout restart and rollout undo change the template, each a revision', async () => {
    await kube.create('deployments', deployment('revised', { replicas: 0 }));
    await kubectl('set', 'image', 'deployment/revised', '*=registry.example/app:2');
    await kubectl('rollout', 'status', 'deployment', 'revised', '--timeout=20s');
    await kubectl('rollout', 'restart', 'deployment', 'revised');
    await kubectl('rollout', 'status', 'deployment', 'revised', '--timeout=20s');
    await kubectl('rollout', 'undo', 'deployment', 'revised', '--to-revision=1');
    const { spec } = await kube.read(kube.at('deployments', 'revised'));
    expect(spec.template.spec.containers[0].image).toBe('registry.example/app:1');
  });

  test('apply creates, configures, and says unchanged', async () => {
    const file = await fileOf(configMap('applied'));
    expect(await kubectl('apply', '-f', file)).toBe('configmap/applied created\n');
    expect(await kubectl('apply', '-f', file)).toBe('configmap/applied unchanged\n');
    await fileOf(configMap('applied', { b: '2' }));
    expect(await kubectl('apply', '-f', file)).toBe('configmap/applied configured\n');
    expect((await kube.read(kube.at('configmaps', 'applied'))).data).toEqual({ b: '2' });
  });

  test('apply --server-side tells of a conflict and of whom it is with', async () => {
    const file = await fileOf(configMap('owned', { a: '1' }));
    expect(await kubectl('apply', '--server-side', '-f', file)).toBe('configmap/owned serverside-applied\n');
    await fileOf(configMap('owned', { a: '2' }));
    const { code, stderr } = await run(['apply', '--server-side', '--field-manager=other', '-f', file]);
    expect(code).toBe(1);
    expect(stderr).toContain('Apply failed with 1 conflict: conflict with "kubectl": .data.a');
    await kubectl('apply', '--server-side', '--field-manager=other', '--force-conflicts', '-f', file);
  });

  test('diff ends with 0 without a difference and with 1 and its lines with one', async () => {
    const file = await fileOf(configMap('compared'));
    await kubectl('apply', '-f', file);
    expect((await run(['diff', '-f', file])).code).toBe(0);
    await fileOf(configMap('compared', { a: '2' }));
    const { code, stdout } = await run(['diff', '-f', file]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^-\s+a: "1"$/m);
    expect(stdout).toMatch(/^\+\s+a: "2"$/m);
  });

  test('edit writes what the editor left', async () => {
    await kube.create('configmaps', configMap('edited', { a: 'before' }));
    const { code, stderr } = await run(['edit', 'configmap', 'edited'], {
      KUBE_EDITOR: 'sed -i s/before/after/',
    });
    expect(code, stderr).toBe(0);
    expect((await kube.read(kube.at('configmaps', 'edited'))).data).toEqual({ a: 'after' });
  });

  test('scale, rollout status and wait see a Deployment through', async () => {
    await kube.create('deployments', deployment('rolled'));
    await kubectl('scale', 'deployment', 'rolled', '--replicas=2');
    expect(await kubectl('rollout', 'status', 'deployment', 'rolled', '--timeout=20s')).toContain(
      'successfully rolled out',
    );
    expect(
      await kubectl('wait', 'deployment', 'rolled', '--for=condition=Available', '--timeout=20s'),
    ).toContain('condition met');
  });

  test('label, annotate and patch write what they say', async () => {
    await kube.create('configmaps', configMap('marked'));
    await kubectl('label', 'configmap', 'marked', 'x=1');
    await kubectl('annotate', 'configmap', 'marked', 'y=2');
    await kubectl('patch', 'configmap', 'marked', '-p', '{"data":{"z":"3"}}');
    const { metadata, data } = await kube.read(kube.at('configmaps', 'marked'));
    expect([metadata.labels, metadata.annotations, data]).toEqual([
      { x: '1' },
      { y: '2' },
      { a: '1', z: '3' },
    ]);
  });

  test('delete waits until the object is gone', async () => {
    await kube.create('deployments', deployment('deleted'));
    await kubectl('delete', 'deployment', 'deleted', '--cascade=foreground', '--timeout=20s');
    expect((await kube.get(kube.at('deployments', 'deleted'))).status).toBe(404);
  });

  test('explain describes a field', async () => {
    const text = await kubectl('explain', 'deployment.spec.replicas');
    expect(text).toMatch(/FIELD: replicas <integer>/);
  });

  test('auth can-i answers by RBAC', async () => {
    expect(await kubectl('auth', 'can-i', 'delete', 'pods')).toBe('yes\n');
    const { code, stdout } = await run(['auth', 'can-i', 'delete', 'pods', '--as=stranger']);
    expect([code, stdout]).toEqual([1, 'no\n']);
  });

  test('api-resources lists what is served', async () => {
    const names = await kubectl('api-resources', '-o', 'name');
    expect(names.split('\n')).toEqual(
      expect.arrayContaining(['configmaps', 'deployments.apps', 'leases.coordination.k8s.io']),
    );
  });

  test('logs of a pod that does not exist say so', async () => {
    const { code, stderr } = await run(['logs', 'absent']);
    expect(code).toBe(1);
    expect(stderr).toContain('pods "absent" not found');
  });
});
