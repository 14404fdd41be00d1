/** An application whose clusters have labels of their own, and that may read them: for tests of variants. */
import { expect } from 'vitest';

import { configMap, makeWorld, readersOf, type Places, type World } from './world.fixture.ts';

export interface Fleet extends World {
  clusters: string[];
  label: (cluster: number, labels: Record<string, string>) => Promise<void>;
}

/** Clusters have these labels before the application is there. */
export async function makeFleet(
  { hub, git }: Places,
  files: Record<string, string>,
  spec: { sources?: object; overrides?: object[]; strategy?: object },
  labels: Record<string, string>[],
): Promise<Fleet> {
  const world = await makeWorld({ hub, git }, { 'elsewhere/x.yaml': configMap('x', '1') }, {}, 0);
  const clusters: string[] = [];
  for (const [at, own] of labels.entries())
    clusters.push(await hub.makeCluster(`${world.name}-${at}`, { fleet: world.name, ...own }));
  world.repository.push(files);
  const source = {
    repository: world.name,
    ref: { branch: 'main' },
    path: 'app',
    template: true,
    ...spec.sources,
  };
  const created = await hub.api('POST', '/applications', {
    name: `${world.name}-fleet`,
    spec: {
      sources: [source],
      placement: { clusters: { selector: { matchLabels: { fleet: world.name } } } },
      destination: { namespace: 'web' },
      syncPolicy: { automated: true, prune: true },
      strategy: spec.strategy ?? {},
      overrides: spec.overrides ?? [],
    },
  });
  expect(created).toMatchObject({ status: 201 });
  const applicationId = (created.body as { id: string }).id;
  return {
    ...world,
    name: `${world.name}-fleet`,
    applicationId,
    clusters,
    ...readersOf(hub, applicationId),
    label: async (at, own) => {
      await hub.rows(`UPDATE clusters SET labels = $2::jsonb WHERE id = $1::uuid`, [
        clusters[at],
        JSON.stringify({ fleet: world.name, ...own }),
      ]);
      hub.hint('cluster', clusters[at] ?? '');
    },
  };
}
