/** What the sample needs at the hub: repository, applications, and a cluster for each agent. What is there stays. */
import { createHmac } from 'node:crypto';
import type { FlotillaClient } from '@flotilla/client/client';
import { FlotillaApiError } from '@flotilla/client/errors';
import { startAgent, type Agent } from '../fleet/agent.ts';
import type { Hub } from '../fleet/hub.ts';
import type { GitAccount } from '../git-server.ts';
import type { FleetCluster } from './engine.ts';
import { REPOSITORY, sampleApplications } from './sample.ts';

export const AGENT_NAMESPACE = 'flotilla-system';
const POLL_INTERVAL_MS = 10_000;

export async function ensureRepository(
  client: FlotillaClient,
  url: string,
  credential: GitAccount,
  webhookSecret: string,
): Promise<void> {
  await unlessThere(() =>
    client.repositories.create({
      name: REPOSITORY,
      url,
      credential: { username: credential.username, password: credential.password },
      webhookSecret,
      pollIntervalMs: POLL_INTERVAL_MS,
    }),
  );
}

export async function ensureApplications(
  client: FlotillaClient,
  clusters: readonly FleetCluster[],
): Promise<void> {
  const environments = [...new Set(clusters.map(({ environment }) => environment))];
  for (const application of sampleApplications(environments)) {
    await unlessThere(() => client.applications.create(application));
  }
}

/** Tells the hub of a push as a Git server would: a signed webhook. A hub that is away learns it by its next poll. */
export async function sendWebhook(hub: Hub, secret: string): Promise<void> {
  const body = { ref: 'refs/heads/main' };
  const { id } = await hub.client.repositories.get(REPOSITORY);
  const signature = createHmac('sha256', secret).update(JSON.stringify(body)).digest('hex');
  await hub.client.transport.json('POST', `/api/v1/repositories/${id}/webhook`, {
    body,
    headers: { 'x-hub-signature-256': `sha256=${signature}` },
  });
}

/** An agent for a cluster. It needs a token only where the hub does not know the cluster yet. */
export async function startAgentOn(hub: Hub, cluster: FleetCluster, dir: string): Promise<Agent> {
  await cluster.ensureNamespace(AGENT_NAMESPACE);
  const token = (await isKnown(hub.client, cluster.name)) ? undefined : await newToken(hub.client, cluster);
  return startAgent({
    name: cluster.name,
    dir,
    hubUrl: hub.url,
    caSha256: hub.caSha256,
    kubeconfig: cluster.kubeconfig,
    namespace: AGENT_NAMESPACE,
    logFile: `${dir}/agent.log`,
    ...(cluster.context === undefined ? {} : { context: cluster.context }),
    ...(token === undefined ? {} : { token }),
  });
}

async function newToken(client: FlotillaClient, { name, environment }: FleetCluster): Promise<string> {
  const created = await client.registrationTokens.create({ clusterName: name, labels: { environment } });
  return created.token;
}

async function isKnown(client: FlotillaClient, cluster: string): Promise<boolean> {
  try {
    await client.clusters.get(cluster);
    return true;
  } catch (error) {
    if (error instanceof FlotillaApiError && error.status === 404) return false;
    throw error;
  }
}

async function unlessThere(create: () => Promise<unknown>): Promise<void> {
  try {
    await create();
  } catch (error) {
    if (!(error instanceof FlotillaApiError) || error.status !== 409) throw error;
  }
}
