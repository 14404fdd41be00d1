/**
 * f: what a real agent asks a real API server about 1,000 objects where nothing changed, where three did, and how soon it
 * sees that somebody else changed one. Requests are counted by the API server.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '@flotilla/testkit/eventually';
import type { Bench } from '../bench/bench.ts';
import type { Measured, Row } from '../bench/row.ts';
import { atEachSize } from '../bench/sizes.ts';
import { percentile } from '../bench/statistics.ts';
import { configMaps, startKubeWorld, type KubeWorld } from '../hub/kubeWorld.ts';

const objectsOfBudget = 1000;
const changed = 3;
const drifts = 10;
const agentNamespace = 'flotilla-system';

export const row: Row = {
  name: 'f',
  title: 'what the agent asks the API server',
  run: (bench) => atEachSize(bench.options.objects ?? [objectsOfBudget], (objects) => atSize(bench, objects)),
};

async function atSize(bench: Bench, objects: number): Promise<Measured[]> {
  await using kube = await startKubeWorld(bench.say);
  const first = await kube.push(configMaps('web', objects, 'first'));
  await kube.createApplication('web', 'web');
  await kube.healthy('web', first.commit);
  const noops = await bench.rounds(() => noop(kube));
  const changes = await bench.rounds((round) => change(kube, `round ${round}`));
  const seen = await driftDelays(kube);
  return [
    {
      id: 'f1',
      what: 'API calls where nothing changed',
      n: objects,
      floors: noops.map(() => 0),
      ours: noops.map((r) => r.calls),
      unit: 'calls',
      budget: 0,
    },
    {
      id: 'f2',
      what: 'CPU of the agent where nothing changed',
      n: objects,
      floors: null,
      ours: noops.map((r) => r.cpuMs),
      unit: 'ms',
      budget: null,
      aim: '≤ 5 ms',
    },
    {
      id: 'f3',
      what: `API calls where ${changed} changed`,
      n: objects,
      floors: changes.map(() => changed),
      ours: changes,
      unit: 'calls',
      budget: 1,
    },
    {
      id: 'f4',
      what: 'change by another → seen, p99',
      n: drifts,
      floors: null,
      ours: [percentile(seen, 0.99)],
      unit: 'ms',
      budget: null,
      aim: '≤ 250 ms',
    },
  ];
}

/** Without its Lease, its own Secrets and its watches. */
async function callsSince(kube: KubeWorld, since: number): Promise<number> {
  const requests = await kube.audit.requests({ userAgent: /^flotilla-agent/, since });
  return requests.filter(({ namespace, verb }) => namespace !== agentNamespace && verb !== 'watch').length;
}

/** The same revision assigned once more: a whole operation over every object. */
async function noop(kube: KubeWorld): Promise<{ calls: number; cpuMs: number }> {
  const since = await kube.audit.mark();
  await delay(500);
  const readingMs = await costOfReading(kube);
  const before = await kube.agent.read();
  const { client } = kube.world.hub();
  const [asked] = (await Array.fromAsync(client.applications.targets('web'))).map(
    ({ assignment }) => assignment,
  );
  await client.applications.sync('web');
  await eventually('the operation has ended', async () => {
    const [target] = await Array.fromAsync(client.applications.targets('web'));
    const isDone =
      target !== undefined &&
      target.assignment > (asked ?? 0) &&
      target.observedAssignment === target.assignment;
    return isDone ? true : ([false, target] as const);
  });
  const after = await kube.agent.read();
  const cpuMs = Math.max(0, after.cpuMs - before.cpuMs - readingMs);
  return { calls: await callsSince(kube, since), cpuMs };
}

/** To answer the probe costs the agent CPU too, which is no work of its own. */
async function costOfReading(kube: KubeWorld): Promise<number> {
  const before = await kube.agent.read();
  const after = await kube.agent.read();
  return after.cpuMs - before.cpuMs;
}

async function change(kube: KubeWorld, value: string): Promise<number> {
  const since = await kube.audit.mark();
  const { commit } = await kube.push(configMaps('web', changed, value));
  await kube.healthy('web', commit);
  return callsSince(kube, since);
}

/** By what the agent wrote down itself, on the same clock. */
async function driftDelays(kube: KubeWorld): Promise<number[]> {
  const delays: number[] = [];
  for (let index = 0; index < drifts; index++) {
    const name = `web-${index}`;
    const atMs = Date.now();
    await kube.cluster.api.call(`/api/v1/namespaces/${kube.namespace}/configmaps/${name}`, {
      method: 'PATCH',
      contentType: 'application/merge-patch+json',
      body: { data: { value: 'somebody else was here' } },
    });
    const row = await eventually(`the drift of ${name} is told`, async () => {
      const [found] = await kube.world.query<{ ms: number }>(
        `SELECT (extract(epoch FROM agent_at) * 1000)::float8 AS ms FROM target_transitions
          WHERE kind = 'Drift' AND detail::text LIKE $1 AND agent_at >= to_timestamp($2 / 1000.0) - interval '5 ms' LIMIT 1`,
        [`%"${name}"%`, atMs],
      );
      return found ?? false;
    });
    delays.push(Math.max(0, row.ms - atMs));
  }
  return delays;
}
