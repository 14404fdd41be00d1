/** A copy of an agent's identity is noticed, and a person mends it. */
import { join } from 'node:path';
import type { Cluster } from '@flotilla/client/types';
import { startAgent, type Agent } from '../../fleet/agent.ts';
import { ApiConnection } from '../../kubelab/api.ts';
import { readKubeconfig } from '../../kubelab/kubeconfig.ts';
import { AGENT_NAMESPACE } from '../../start/agents.ts';
import type { FleetCluster } from '../../start/fleetCluster.ts';
import { demoStep, expectation } from '../step.ts';
import type { Tour } from '../tour.ts';

const secretName = 'flotilla-agent';
const copyNamespace = 'flotilla-copy';

export const clone = demoStep({
  name: 'clone',
  title: 'An agent is cloned, and the copy is caught',
  say: "A new cluster joins by a token. Then its agent's identity is copied to another cluster, as a careless backup would, and runs there a second time. The hub must not take its word for who it is: it quarantines the identity until a person gives the cluster a new key.",
  async act(tour) {
    const { spare, fleet } = tour;
    const first = await letJoin(tour, 'a token');
    tour.note(`${spare.name} joined, and has everything that is placed on it`);
    const host = fleet.clusters[1] ?? fleet.clusters[0]!;
    await copyIdentity(spare, host);
    const copy = await agentOn(tour, host, 'copy', { namespace: copyNamespace });
    tour.note(`the identity of ${spare.name} runs a second time, on ${host.name}`);
    const quarantined = await stateOf(tour, 'Quarantined');
    tour.note(`the hub: ${spare.name} is Quarantined, ${quarantined.stateReason ?? ''}`);
    const { items } = await tour.client.audit.list({ limit: 50 });
    const event = items.find(({ action }) => action === 'cluster.quarantine');
    await copy.stop();
    tour.note(
      `the copy is ended. A new key: flotilla agent manifest --cluster ${spare.name} | kubectl apply -f -`,
    );
    await first.stop();
    await deleteIdentity(spare);
    await letJoin(tour, 'a new key');
    const mended = await stateOf(tour, 'Active');
    tour.note(`${spare.name} is Active again with a new key, and has everything`);
    return { spare: spare.name, quarantined, event, mended };
  },
  expect: ({ spare, quarantined, event, mended }) => [
    expectation(
      'the cluster was quarantined as a duplicate agent',
      quarantined.stateReason?.includes('duplicate agent') === true,
      quarantined,
    ),
    expectation('the audit trail has it', event?.resource.name === spare, event),
    expectation('with a new key it takes part again', mended.state === 'Active', mended),
  ],
});

/** Starts the spare cluster's agent with a token of its own, and waits until everything is there. */
async function letJoin(tour: Tour, why: string): Promise<Agent> {
  const { spare, client } = tour;
  const { token } = await client.registrationTokens.create({ clusterName: spare.name, labels: spare.labels });
  tour.note(`${spare.name} gets ${why}`);
  await spare.ensureNamespace(AGENT_NAMESPACE);
  const agent = await agentOn(tour, spare, 'own', { namespace: AGENT_NAMESPACE, token });
  await tour.until(`${spare.name} has everything`, async () => {
    const targets = await Array.fromAsync(client.clusters.targets(spare.name));
    const missing = targets.filter(
      ({ live, sync, health }) => !(live && sync === 'Synced' && health === 'Healthy'),
    );
    return targets.length > 0 && missing.length === 0 ? { found: true } : { yet: missing };
  });
  return agent;
}

async function agentOn(
  tour: Tour,
  { kubeconfig }: FleetCluster,
  folder: string,
  where: { namespace: string; token?: string },
): Promise<Agent> {
  const { url, caSha256 } = tour.fleet.hub();
  const dir = join(tour.dir, `${tour.spare.name}-${folder}`);
  const name = `${tour.spare.name} (${folder})`;
  const agent = await startAgent({
    name,
    dir,
    hubUrl: url,
    caSha256,
    kubeconfig,
    logFile: join(dir, 'agent.log'),
    ...where,
  });
  tour.stack.defer(async () => void (await agent.stop()));
  return agent;
}

function stateOf(tour: Tour, state: Cluster['state']): Promise<Cluster> {
  return tour.until(`${tour.spare.name} is ${state}`, async () => {
    const cluster = await tour.client.clusters.get(tour.spare.name);
    return cluster.state === state ? { found: cluster } : { yet: cluster };
  });
}

interface Secret {
  data: Record<string, string>;
}

async function copyIdentity(from: FleetCluster, to: FleetCluster): Promise<void> {
  const path = `/api/v1/namespaces/${AGENT_NAMESPACE}/secrets/${secretName}`;
  const { data } = await withApi(from, (api) => api.call<Secret>(path));
  await to.ensureNamespace(copyNamespace);
  const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name: secretName }, data };
  await withApi(to, (api) =>
    api.call(`/api/v1/namespaces/${copyNamespace}/secrets`, { method: 'POST', body }),
  );
}

async function deleteIdentity(cluster: FleetCluster): Promise<void> {
  const path = `/api/v1/namespaces/${AGENT_NAMESPACE}/secrets/${secretName}`;
  await withApi(cluster, (api) => api.call(path, { method: 'DELETE' }));
}

async function withApi<T>(
  { kubeconfig }: FleetCluster,
  work: (api: ApiConnection) => Promise<T>,
): Promise<T> {
  const api = new ApiConnection(await readKubeconfig(kubeconfig));
  try {
    return await work(api);
  } finally {
    api.close();
  }
}
