/** What the sample needs at the hub: repository and applications. What is there stays. */
import { createHmac } from 'node:crypto';
import type { FlotillaClient } from '@flotilla/client/client';
import { FlotillaApiError } from '@flotilla/client/errors';
import type { Hub } from '../fleet/hub.ts';
import type { GitAccount } from '../git-server.ts';
import type { FleetCluster } from './fleetCluster.ts';
import { REPOSITORY, sampleApplications } from './sample.ts';

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

async function unlessThere(create: () => Promise<unknown>): Promise<void> {
  try {
    await create();
  } catch (error) {
    if (!(error instanceof FlotillaApiError) || error.status !== 409) throw error;
  }
}
