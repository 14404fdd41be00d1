/**
 * b: a commit is there and the hub is told → the hub has it applied and healthy, on a real API server, against the same
 * objects written there by server-side apply and nothing else.
 */
import { eventually } from '@flotilla/testkit/eventually';
import type { Bench } from '../bench/bench.ts';
import type { Measured, Row } from '../bench/row.ts';
import { configMaps, startKubeWorld, type KubeWorld } from '../hub/kubeWorld.ts';
import { applyAll, deploymentOf, rawConfigMaps, rawDeployments } from './applyFloor.ts';

/** 0.5 s to 0.13 s, and 1.5 floors + 0.3 s to a floor of 1.0 s, where the budgets were set. */
const budgetOf100 = 0.5 / 0.13;
const budgetOf1000 = 1.8;
const budgetOfWorkloads = 1.3;
const workloads = { maps: 80, deployments: 20 };

export const row: Row = {
  name: 'b',
  title: 'commit → applied and healthy at the hub, on a real API server',
  run: async (bench) => {
    await using kube = await startKubeWorld(bench.say);
    const hundred = await changeAll(bench, kube, 'hundred', 100);
    const thousand = await changeAll(bench, kube, 'thousand', 1000);
    const one = await bench.rounds((round) =>
      timed(kube, 'thousand', configMaps('thousand', 1, `one ${round}`)),
    );
    const oneFloor = await bench.rounds((round) =>
      applyAll(kube.access, rawConfigMaps(kube.namespace, 1, `one ${round}`)),
    );
    const running = await changeWorkloads(bench, kube);
    const measured: Measured[] = [
      {
        id: 'b1',
        what: '100 config maps, all changed',
        n: 100,
        ...hundred,
        unit: 'ms',
        budget: budgetOf100,
        aim: '≤ 500 ms',
      },
      {
        id: 'b2',
        what: '1,000 config maps, all changed',
        n: 1000,
        ...thousand,
        unit: 'ms',
        budget: budgetOf1000,
      },
      {
        id: 'b3',
        what: '1 of 1,000 changed',
        n: 1,
        floors: oneFloor,
        ours: one,
        unit: 'ms',
        budget: null,
        aim: '≤ 300 ms',
      },
      {
        id: 'b4',
        what: '80 config maps + 20 Deployments, healthy',
        n: 100,
        ...running,
        unit: 'ms',
        budget: budgetOfWorkloads,
      },
    ];
    return measured;
  },
};

async function changeAll(bench: Bench, kube: KubeWorld, folder: string, count: number) {
  const first = await kube.push(configMaps(folder, count, 'first'));
  await kube.createApplication(folder, folder);
  await kube.healthy(folder, first.commit);
  const rounds = await bench.rounds(async (round) => {
    const floor = await applyAll(kube.access, rawConfigMaps(kube.namespace, count, `round ${round}`));
    const measure = () => timed(kube, folder, configMaps(folder, count, `round ${round}`));
    return { floor, ours: await bench.profiled(`b-${count}`, kube.world, round, measure) };
  });
  return { floors: rounds.map((r) => r.floor), ours: rounds.map((r) => r.ours) };
}

/** By the clock of Postgres: until the report was committed that says so, not until somebody asked. */
async function timed(kube: KubeWorld, application: string, files: Record<string, string>): Promise<number> {
  const { commit, atMs } = await kube.push(files);
  await kube.healthy(application, commit);
  return (await kube.reportedAtMs(application)) - atMs;
}

async function changeWorkloads(bench: Bench, kube: KubeWorld) {
  const filesOf = (value: string): Record<string, string> => ({
    ...configMaps('workloads', workloads.maps, value),
    ...Object.fromEntries(
      Array.from({ length: workloads.deployments }, (_, index) => [
        `workloads/web-${index}.json`,
        JSON.stringify(deploymentOf(`web-${index}`, value)),
      ]),
    ),
  });
  const first = await kube.push(filesOf('first'));
  await kube.createApplication('workloads', 'workloads');
  await kube.healthy('workloads', first.commit);
  await rawWorkloads(kube, 'first');
  const rounds = await bench.rounds(async (round) => ({
    floor: await rawWorkloads(kube, `round ${round}`),
    ours: await timed(kube, 'workloads', filesOf(`round ${round}`)),
  }));
  return { floors: rounds.map((r) => r.floor), ours: rounds.map((r) => r.ours) };
}

interface DeploymentList {
  items: {
    metadata: { name: string; generation: number };
    status?: {
      observedGeneration?: number;
      updatedReplicas?: number;
      availableReplicas?: number;
      replicas?: number;
    };
  }[];
}

/** Written, and looked at until every Deployment runs what was written. */
async function rawWorkloads(kube: KubeWorld, value: string): Promise<number> {
  const startMs = performance.now();
  await applyAll(kube.access, [
    ...rawConfigMaps(kube.namespace, workloads.maps, value),
    ...rawDeployments(kube.namespace, workloads.deployments, value),
  ]);
  await eventually(
    'the raw Deployments run',
    async () => {
      const path = `/apis/apps/v1/namespaces/${kube.namespace}/deployments`;
      const { items } = await kube.cluster.api.call<DeploymentList>(path);
      return items
        .filter(({ metadata }) => metadata.name.startsWith('floor-'))
        .every(
          ({ metadata, status }) =>
            status?.observedGeneration === metadata.generation &&
            status.updatedReplicas === 1 &&
            status.availableReplicas === 1 &&
            status.replicas === 1,
        );
    },
    { timeoutMs: 60_000 },
  );
  return performance.now() - startMs;
}
