/**
 * What is wrong in Git or with it: said where people look, by file, document and line; nothing is pruned, and the last
 * good state stays. Each bad commit also takes a file away, so that a prune would be seen.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Condition, Target } from '@flotilla/client/types';
import { runCli } from '@flotilla/testkit/cli';
import { eventually } from '@flotilla/testkit/eventually';
import { Fleet } from '@flotilla/testkit/fleet';
import { configMap } from '@flotilla/testkit/manifests';

let fleet: Fleet;
/** Where the audit log of the API server was when the first good state was there. */
let began: number;

beforeAll(async () => {
  fleet = await Fleet.start();
  await said('project', 'set', 'default', '--allow-namespace', `*-${fleet.suffix}`);
  began = await fleet.clusters[0]!.audit.mark();
});
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
});

async function commit(branch: string, files: Record<string, string | null>, force = false): Promise<string> {
  const hash = await fleet.repository.commit({ branch, files, force });
  await fleet.hub.client.repositories.refresh('config');
  return hash;
}

/** An application of two objects on a branch of its own, Synced and Healthy. */
async function deploy(name: string): Promise<void> {
  const good = await commit(name, {
    [`${name}/kept.yaml`]: configMap('kept', { state: 'good' }),
    [`${name}/leaving.yaml`]: configMap('leaving', { state: 'good' }),
  });
  await fleet.createApplication({ name, branch: name });
  await fleet.settled(name, good);
}

/** What is bad, and a file less. */
function commitBad(name: string, files: Record<string, string | null>): Promise<string> {
  const inFolder = Object.entries(files).map(([file, content]) => [`${name}/${file}`, content]);
  return commit(name, { ...Object.fromEntries(inFolder), [`${name}/leaving.yaml`]: null });
}

/** What is bad goes, what was taken away is back. A look at the repository would try large input anew each time. */
async function mend(name: string, bad: readonly string[]): Promise<void> {
  const without = Object.fromEntries(bad.map((file) => [`${name}/${file}`, null]));
  const good = { [`${name}/leaving.yaml`]: configMap('leaving', { state: 'good' }) };
  await fleet.settled(name, await commit(name, { ...without, ...good }));
  await lastGoodStateStays(name);
}

async function conditionOf(name: string, type: string): Promise<Condition> {
  return eventually(`${name} has the condition ${type}`, async () => {
    const { conditions, revision } = await fleet.hub.client.applications.get(name);
    return (
      conditions.find((condition) => condition.type === type) ?? ([false, { conditions, revision }] as const)
    );
  });
}

async function targetWith(name: string, type: string): Promise<Target> {
  return eventually(`the target of ${name} has the condition ${type}`, async () => {
    const [target] = await fleet.targetsOf(name);
    return target?.conditions.some((condition) => condition.type === type)
      ? target
      : ([false, target] as const);
  });
}

/** What the command line says to a person who asks for it. */
async function said(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(fleet.hub, ...args);
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' });
  return stdout;
}

async function lastGoodStateStays(name: string): Promise<void> {
  const cluster = fleet.clusters[0]!;
  const path = `/api/v1/namespaces/${fleet.namespaceOf(name)}/configmaps?labelSelector=flotilla.dev/app`;
  const live = await cluster.api.call<{ items: { metadata: { name: string }; data: unknown }[] }>(path);
  expect(live.items.map(({ metadata, data }) => ({ name: metadata.name, data }))).toEqual([
    { name: 'kept', data: { state: 'good' } },
    { name: 'leaving', data: { state: 'good' } },
  ]);
  const deletes = await cluster.requests({ verb: ['delete', 'deletecollection'], since: began });
  // What a namespace of a test before held is still being collected, and the addresses of its Services given back.
  const isOthers = ({ user, namespace }: (typeof deletes)[number]) =>
    ['system:kube-controller-manager', 'system:apiserver'].includes(user) &&
    !namespace.endsWith(fleet.suffix);
  expect(
    deletes.filter((request) => request.namespace !== cluster.agentNamespace && !isOthers(request)),
  ).toEqual([]);
}

/** The application and the fleet's own screen, both as a person reads them. */
async function shownEverywhere(name: string, text: string): Promise<void> {
  expect(await said('app', 'get', name)).toContain(text);
  expect(await said('status')).toContain(text);
}

/** What stands in the way of a newer revision is a condition of the target too, and in its line where a cluster is looked at. */
async function shownAtTarget(name: string, condition: Condition): Promise<void> {
  const [target] = await fleet.targetsOf(name);
  expect(target?.conditions).toContainEqual(condition);
  const text = await said('cluster', 'get', fleet.nameOf(fleet.clusters[0]!));
  expect(text).toContain(`${condition.type}: ${condition.message}`.slice(0, 90));
}

const brokenYaml = `${configMap('kept', { state: 'bad' })}---\nkind: ConfigMap: v1\n`;
const gizmo = 'apiVersion: example.com/v1\nkind: Gizmo\nmetadata:\n  name: one\n';

function manyConfigMaps(from: number): string {
  const document = (at: number) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: many-${at}}\n`;
  return Array.from({ length: 10_000 }, (_, at) => document(from + at)).join('---\n');
}

/** Little to read and much to keep: one text of 2.4 MB that 15 objects have by alias. */
function muchByAlias(at: number): string {
  const item = (part: number, value: string) =>
    `  - {apiVersion: v1, kind: ConfigMap, metadata: {name: big-${at}-${part}}, data: {value: ${value}}}\n`;
  const items = Array.from({ length: 15 }, (_, part) =>
    item(part, part === 0 ? `&text ${'x'.repeat(2_400_000)}` : '*text '),
  );
  return `apiVersion: v1\nkind: List\nitems:\n${items.join('')}`;
}

describe('bad input', () => {
  test('malformed YAML', async () => {
    await deploy('yaml');
    await commitBad('yaml', { 'kept.yaml': brokenYaml });
    const { message } = await conditionOf('yaml', 'RenderError');
    expect(message).toBe(
      'revision 2: yaml/kept.yaml, document 2, line 8: Nested mappings are not allowed in compact mappings',
    );
    await shownEverywhere('yaml', message);
    await shownAtTarget('yaml', { type: 'RenderError', message });
    const { currency } = await fleet.hub.client.applications.get('yaml');
    expect(currency).toEqual({ state: 'Held', behind: 1, reason: 'revision 2 does not render' });
    await lastGoodStateStays('yaml');
  });

  test('duplicate objects', async () => {
    await deploy('twice');
    await commitBad('twice', { 'more.yaml': configMap('kept', { state: 'bad' }) });
    const { message } = await conditionOf('twice', 'RenderError');
    expect(message).toBe(
      'revision 2: twice/more.yaml, document 1, line 1: ConfigMap kept is there twice: also in twice/kept.yaml, document 1, line 1',
    );
    await shownEverywhere('twice', message);
    await shownAtTarget('twice', { type: 'RenderError', message });
    await lastGoodStateStays('twice');
  });

  test('unknown kinds', async () => {
    await deploy('kind');
    await commitBad('kind', { 'gizmo.yaml': gizmo });
    const target = await targetWith('kind', 'UnknownKind');
    const message = 'example.com/Gizmo//one: the cluster knows no Gizmo in example.com/v1';
    expect(target.conditions).toEqual([{ type: 'UnknownKind', message }]);
    expect(target.sync).toBe('OutOfSync');
    await shownEverywhere('kind', `UnknownKind: ${message}`);
    await lastGoodStateStays('kind');
  });

  test("a manifest outside the project's namespaces", async () => {
    await deploy('outside');
    await commitBad('outside', {
      'kept.yaml': configMap('kept', { state: 'bad' }),
      'stray.yaml': configMap('stray', { state: 'bad' }, '  namespace: kube-public\n'),
    });
    const target = await targetWith('outside', 'NotPermitted');
    const message = '/ConfigMap/kube-public/stray: the project does not allow namespace kube-public';
    expect(target.conditions).toEqual([{ type: 'NotPermitted', message }]);
    await shownEverywhere('outside', `NotPermitted: ${message}`);
    expect(await said('cluster', 'get', fleet.nameOf(fleet.clusters[0]!))).toContain(message);
    await lastGoodStateStays('outside');
  });

  test('a bundle over its caps', async () => {
    await deploy('caps');
    await commitBad('caps', { 'a.yaml': manyConfigMaps(0), 'b.yaml': manyConfigMaps(10_000) });
    const { message } = await conditionOf('caps', 'RenderError');
    expect(message).toBe(
      'revision 2: 20001 objects are more than the 20000 that a bundle may hold: split the application',
    );
    await shownEverywhere('caps', message);
    await shownAtTarget('caps', { type: 'RenderError', message });
    await lastGoodStateStays('caps');
    await mend('caps', ['a.yaml', 'b.yaml']);
  });

  test('a bundle over 64 MiB', async () => {
    await deploy('big');
    const files = [0, 1].map((at) => [`big-${at}.yaml`, muchByAlias(at)] as const);
    await commitBad('big', Object.fromEntries(files));
    const { message } = await conditionOf('big', 'RenderError');
    expect(message).toMatch(
      /^revision 2: \d{8} bytes are more than the 67108864 that a bundle may hold: split the application$/,
    );
    await shownEverywhere('big', message);
    await shownAtTarget('big', { type: 'RenderError', message });
    const { currency } = await fleet.hub.client.applications.get('big');
    expect(currency).toEqual({ state: 'Held', behind: 1, reason: 'revision 2 does not render' });
    await lastGoodStateStays('big');
    await mend(
      'big',
      files.map(([file]) => file),
    );
  });

  test('a force-push', async () => {
    await deploy('forced');
    const from = await fleet.repository.head('forced');
    const to = await commit('forced', { 'elsewhere/kept.yaml': configMap('kept', { state: 'bad' }) }, true);
    const { message } = await conditionOf('forced', 'SourceError');
    expect(message).toBe("repository config: the path 'forced' does not exist in this commit");
    await shownEverywhere('forced', message);
    await shownAtTarget('forced', { type: 'SourceError', message });
    const rewrite = `branch 'forced' was rewritten from ${from.slice(0, 12)} to ${to.slice(0, 12)}`;
    expect((await conditionOf('forced', 'SourceRewritten')).message).toBe(`repository config: ${rewrite}`);
    await shownEverywhere('forced', rewrite);
    const [target] = await fleet.targetsOf('forced');
    expect(target?.conditions).toContainEqual({
      type: 'SourceRewritten',
      message: `repository config: ${rewrite}`,
    });
    expect(await said('repo', 'list')).toContain(rewrite);
    expect(await said('repo', 'get', 'config')).toContain(rewrite);
    expect(await said('audit', 'list', '--action', 'repository.rewritten')).toContain('repository/config');
    const { refs } = await fleet.hub.client.repositories.get('config');
    expect(refs.find(({ ref }) => ref === 'refs/heads/forced')?.rewritten).toMatchObject({ from, to });
    await lastGoodStateStays('forced');
    // What was overwritten is kept: the last good revision can still be applied anew.
    expect(await said('app', 'sync', 'forced', '--force')).not.toBe('');
    await eventually('the revision that was overwritten is applied again', async () => {
      const [target] = await fleet.targetsOf('forced');
      return (
        (target?.assignment === 2 && target.observedAssignment === 2 && target.sync === 'Synced') ||
        ([false, target] as const)
      );
    });
    await lastGoodStateStays('forced');
  });

  test('a deleted branch', async () => {
    await deploy('branch');
    await fleet.repository.deleteBranch('branch');
    await fleet.hub.client.repositories.refresh('config');
    const { message } = await conditionOf('branch', 'SourceError');
    expect(message).toBe("repository config: the branch 'branch' does not exist");
    await shownEverywhere('branch', message);
    await shownAtTarget('branch', { type: 'SourceError', message });
    expect(await said('repo', 'list')).toContain("the branch 'branch' does not exist");
    await lastGoodStateStays('branch');
  });

  test('a repository that is down', async () => {
    await deploy('down');
    fleet.git.behave({ status: 503 });
    await commitBad('down', {});
    const { message } = await conditionOf('down', 'SourceError');
    expect(message).toBe('repository config: the Git server answered HTTP 503');
    await shownEverywhere('down', message);
    await shownAtTarget('down', { type: 'SourceError', message });
    expect(await said('repo', 'list')).toContain('the Git server answered HTTP 503');
    const { error } = await fleet.hub.client.repositories.get('config');
    expect(error).toBe('the Git server answered HTTP 503');
    await lastGoodStateStays('down');
  });
});
