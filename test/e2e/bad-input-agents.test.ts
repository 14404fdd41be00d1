/**
 * Agents that must not be let in, and one that cannot write: shown at their cluster, with what to do; what runs on the
 * cluster stays as it is, and nothing is deleted. The last test cuts a cluster off for good.
 */
import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Cluster, Target } from '@flotilla/client/types';
import { startProgram, type Program } from '@flotilla/local/processes/program';
import { runCli } from '@flotilla/testkit/cli';
import type { AuditedRequest } from '@flotilla/testkit/audit';
import type { LeasedCluster } from '@flotilla/testkit/cluster';
import { eventually } from '@flotilla/testkit/eventually';
import { Fleet } from '@flotilla/testkit/fleet';
import { configMap } from '@flotilla/testkit/manifests';
import { root } from '@flotilla/testkit/root';

const run = promisify(execFile);
/** Only root may mount a small volume. */
const isRoot = process.getuid?.() === 0;
const agentProgram = join(root, 'agent/dist/agent.mjs');

let fleet: Fleet;
const began = new Map<LeasedCluster, number>();

beforeAll(async () => {
  fleet = await Fleet.start({ clusters: 2 });
  const commit = await fleet.push({
    'web/kept.yaml': configMap('kept', { state: 'good' }),
    'web/leaving.yaml': configMap('leaving', { state: 'good' }),
  });
  await fleet.createApplication();
  await fleet.settled('web', commit);
  for (const cluster of fleet.clusters) began.set(cluster, await cluster.audit.mark());
});
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
});

interface Stranger {
  cluster: LeasedCluster;
  namespace: string;
  dir: string;
  program?: string;
  token?: string;
}

/** An agent that is not one of the fleet's. */
async function startStranger(stranger: Stranger): Promise<Program> {
  const { cluster, namespace, dir, program = agentProgram, token } = stranger;
  await mkdir(dir, { recursive: true });
  const tokenFile = join(dir, 'token');
  if (token !== undefined) await writeFile(tokenFile, token);
  return startProgram({
    name: 'a strange agent',
    command: process.execPath,
    args: [program],
    env: {
      AGENT_HUB_URL: fleet.hub.url,
      AGENT_HUB_CA_SHA256: fleet.hub.caSha256,
      AGENT_TOKEN_FILE: token === undefined ? undefined : tokenFile,
      AGENT_NAMESPACE: namespace,
      AGENT_DATA_DIR: join(dir, 'data'),
      AGENT_POD_UID: dir,
      KUBECONFIG: cluster.kubeconfig,
      NODE_OPTIONS: undefined,
    },
  });
}

async function makeNamespace(cluster: LeasedCluster, name: string): Promise<string> {
  await cluster.api.call('/api/v1/namespaces', { method: 'POST', body: { metadata: { name } } });
  return name;
}

async function said(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(fleet.hub, ...args);
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' });
  return stdout;
}

async function clusterWhen(
  what: string,
  cluster: LeasedCluster,
  check: (seen: Cluster) => boolean,
): Promise<Cluster> {
  return eventually(
    what,
    async () => {
      const seen = await fleet.hub.client.clusters.get(fleet.nameOf(cluster));
      return check(seen) ? seen : ([false, seen] as const);
    },
    { timeoutMs: 60_000 },
  );
}

async function lines(program: Program, message: string): Promise<string> {
  return eventually(`the agent says "${message}"`, () => {
    const line = program
      .output()
      .split('\n')
      .find((each) => each.includes(message));
    return Promise.resolve(line ?? ([false, program.output()] as const));
  });
}

async function targetOn(cluster: LeasedCluster): Promise<Target> {
  const found = (await fleet.targetsOf('web')).find((target) => target.cluster === fleet.nameOf(cluster));
  if (found === undefined) throw new Error('the application is not on the cluster');
  return found;
}

async function heldIn(cluster: LeasedCluster): Promise<{ name: string; data: unknown }[]> {
  const path = `/api/v1/namespaces/${fleet.namespaceOf('web')}/configmaps?labelSelector=flotilla.dev/app`;
  const live = await cluster.api.call<{ items: { metadata: { name: string }; data: unknown }[] }>(path);
  return live.items.map(({ metadata, data }) => ({ name: metadata.name, data }));
}

async function deletesIn(cluster: LeasedCluster, since: number): Promise<AuditedRequest[]> {
  const verb = ['delete', 'deletecollection'];
  return cluster.requests({ verb, namespace: fleet.namespaceOf('web'), since });
}

async function lastGoodStateStays(cluster: LeasedCluster): Promise<void> {
  expect(await heldIn(cluster)).toEqual([
    { name: 'kept', data: { state: 'good' } },
    { name: 'leaving', data: { state: 'good' } },
  ]);
  expect(await deletesIn(cluster, began.get(cluster)!)).toEqual([]);
}

/** A volume of its own for a folder, full to the last block; needs root. What is in the folder is on it. */
interface SmallDisk extends AsyncDisposable {
  /** Gives so much of it back; all of it without a number. */
  free: (kib?: number) => Promise<void>;
}

async function smallDisk(folder: string): Promise<SmallDisk> {
  const aside = `${folder}-aside`;
  const ballast = join(folder, 'ballast');
  await run('mv', [folder, aside]);
  await mkdir(folder);
  await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]);
  await run('cp', ['-a', `${aside}/.`, folder]);
  // What dd cannot write any more is the point.
  await run('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=4k']).catch(() => undefined);
  return {
    free: async (kib) => {
      if (kib === undefined) return rm(ballast);
      await run('truncate', ['-s', `-${kib}K`, ballast]);
    },
    // Lazily: an agent that is still there must not keep the folder from going.
    [Symbol.asyncDispose]: async () => void (await run('umount', ['--lazy', folder])),
  };
}

describe('bad input', () => {
  test('a wrong or used-up token', async () => {
    const [cluster] = fleet.clusters as [LeasedCluster];
    const name = fleet.nameOf(cluster);
    // It names this very cluster: only that it is used up speaks against it.
    const used = await readFile(join(fleet.dir, name, 'token'), 'utf8');
    const wrong = `${used.slice(0, -8)}${'0'.repeat(8)}`;
    for (const [kind, token] of Object.entries({ used, wrong })) {
      const namespace = await makeNamespace(cluster, cluster.named(`flotilla-${kind}`));
      const program = await startStranger({ cluster, namespace, dir: join(fleet.dir, kind), token });
      const line = await lines(program, 'not enrolled yet');
      expect(JSON.parse(line)).toMatchObject({
        outcome: 'refused',
        status: 403,
        reason: expect.stringMatching(
          /unknown, expired, used up or revoked; make a new one .* AGENT_TOKEN_FILE/,
        ),
      });
      await program.stop({ signal: 'SIGTERM' });
    }
    expect(await said('token', 'list')).toMatch(new RegExp(`Used +${name} .* 1/1 `));
    const refusals = await said('audit', 'list', '--action', 'cluster.enrol');
    for (const why of ['the token is used up', 'not a registration token']) {
      expect(refusals).toMatch(
        new RegExp(`agent:\\S+ +cluster\\.enrol +registration-token/\\S+ +denied +${why}`),
      );
    }
    const events = await Array.fromAsync(fleet.hub.client.audit.all({ action: 'cluster.enrol' }));
    expect(events.map(({ outcome, reason }) => ({ outcome, why: reason?.['refused'] }))).toEqual(
      expect.arrayContaining([
        { outcome: 'denied', why: 'the token is used up' },
        { outcome: 'denied', why: 'not a registration token' },
      ]),
    );
    expect((await fleet.hub.client.clusters.get(name)).connection).toBe('Connected');
    await lastGoodStateStays(cluster);
  });

  test('an agent of a wrong version', async () => {
    const [cluster] = fleet.clusters as [LeasedCluster];
    const name = fleet.nameOf(cluster);
    await fleet.agentOf(cluster).stop();
    const other = join(fleet.dir, 'agent-9.mjs');
    const text = await readFile(agentProgram, 'utf8');
    const changed = text.replace('protocol:1,kubernetes', 'protocol:9,kubernetes');
    expect(changed).not.toBe(text);
    await writeFile(other, changed);
    const program = await startStranger({
      cluster,
      namespace: cluster.agentNamespace,
      dir: join(fleet.dir, name),
      program: other,
    });
    const reason = 'its agent is refused: the hub speaks protocol 1, the agent 9: upgrade the hub';
    await clusterWhen('the refused agent is shown', cluster, (seen) => seen.stateReason === reason);
    expect(await said('cluster', 'get', name)).toContain(`Active (${reason})`);
    expect(await said('status')).toMatch(new RegExp(`${name}: +${reason}`));
    expect((await targetOn(cluster)).conditions).toEqual([{ type: 'AgentRefused', message: reason }]);
    expect(await said('app', 'get', 'web')).toMatch(new RegExp(`${name} .* AgentRefused: ${reason}`));
    await lastGoodStateStays(cluster);
    await program.stop({ signal: 'SIGTERM' });
    await fleet.startAgent(cluster);
    await clusterWhen('it is let in again', cluster, (seen) => seen.stateReason === null);
  });

  test.skipIf(!isRoot)('a full disk at the agent', async () => {
    const [cluster] = fleet.clusters as [LeasedCluster];
    const name = fleet.nameOf(cluster);
    await fleet.agentOf(cluster).stop();
    const before = await fleet.hub.client.clusters.get(name);
    await using disk = await smallDisk(fleet.dataDirOf(cluster));
    await fleet.startAgent(cluster);
    await clusterWhen('it connects all the same', cluster, (seen) => seen.connectedAt !== before.connectedAt);
    await fleet.push({ 'web/kept.yaml': configMap('kept', { state: 'new' }), 'web/leaving.yaml': null });
    const seen = await clusterWhen(
      'the full disk is shown',
      cluster,
      ({ nackReason }) => nackReason !== null,
    );
    expect(seen.nackReason).toBe('disk: no space left for snapshot');
    expect(await said('cluster', 'get', name)).toMatch(/Refused: +disk: no space left for snapshot/);
    expect(await said('status')).toMatch(new RegExp(`${name}: +disk: no space left for snapshot`));
    expect(await said('app', 'get', 'web')).toMatch(
      new RegExp(`${name} +OutOfSync .* 1 → 2 .* NotAccepted: the agent refuses its newest desired state`),
    );
    const refused =
      'the agent refuses its newest desired state and keeps what it had: disk: no space left for snapshot';
    expect((await targetOn(cluster)).conditions).toEqual([{ type: 'NotAccepted', message: refused }]);
    await lastGoodStateStays(cluster);
    // Room for the snapshot, and none for what cannot be compressed.
    await disk.free(160);
    await fleet.push({
      'web/kept.yaml': configMap('kept', { state: randomBytes(300_000).toString('base64') }),
    });
    const waiting = await eventually('the target says that its bundle cannot be kept', async () => {
      const target = await targetOn(cluster);
      const isTold = target.conditions.some(
        ({ type, message }) => type === 'WaitingForBundle' && message.includes('disk:'),
      );
      return isTold ? target : ([false, target] as const);
    });
    const text = /^bundle [0-9a-f]{12} is not on disk yet: disk: no space left for [0-9a-f]{64}$/;
    expect(waiting.conditions).toEqual([{ type: 'WaitingForBundle', message: expect.stringMatching(text) }]);
    expect(await said('app', 'get', 'web')).toMatch(
      /WaitingForBundle: bundle [0-9a-f]{12} is not on disk yet: disk: no space left/,
    );
    await lastGoodStateStays(cluster);
    await disk.free();
    await clusterWhen('it goes on by itself', cluster, ({ nackReason }) => nackReason === null);
    await fleet.settled('web', await fleet.repository.head());
    await fleet.agentOf(cluster).stop();
  });

  test('a certificate of another cluster', async () => {
    const [cluster, victim] = fleet.clusters as [LeasedCluster, LeasedCluster];
    const held = await Promise.all(fleet.clusters.map(heldIn));
    const since = await Promise.all(fleet.clusters.map((each) => each.audit.mark()));
    const stolen = await victim.api.call<{ data: unknown }>(
      `/api/v1/namespaces/${victim.agentNamespace}/secrets/flotilla-agent`,
    );
    const namespace = await makeNamespace(cluster, cluster.named('flotilla-thief'));
    await cluster.api.call(`/api/v1/namespaces/${namespace}/secrets`, {
      method: 'POST',
      body: { metadata: { name: 'flotilla-agent' }, data: stolen.data },
    });
    const program = await startStranger({ cluster, namespace, dir: join(fleet.dir, 'thief') });
    const seen = await clusterWhen('the clone is noticed', victim, ({ state }) => state === 'Quarantined');
    expect(seen.stateReason).toMatch(/^duplicate agent: the same key in another Kubernetes cluster \(.+\)/);
    expect(await said('cluster', 'get', fleet.nameOf(victim))).toContain(`Quarantined (${seen.stateReason})`);
    expect(await said('status')).toContain(seen.stateReason);
    expect((await targetOn(victim)).conditions).toContainEqual({
      type: 'AgentRefused',
      message: seen.stateReason,
    });
    expect(await said('app', 'get', 'web')).toMatch(
      new RegExp(`${fleet.nameOf(victim)} .* AgentRefused: duplicate agent: the same key`),
    );
    expect(await said('audit', 'list', '--action', 'cluster.quarantine')).toContain(fleet.nameOf(victim));
    await program.stop({ signal: 'SIGTERM' });
    for (const [index, each] of fleet.clusters.entries()) {
      expect(await heldIn(each)).toEqual(held[index]);
      expect(await deletesIn(each, since[index]!)).toEqual([]);
    }
  });
});
