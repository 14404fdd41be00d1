/** One application with its repository and clusters, for tests of the way of a commit. */
import { expect } from 'vitest';

import type { TestGitServer, TestRepository } from './sources/git/gitServer.fixture.ts';
import { eventually, type TestHub } from './worker.fixture.ts';

export const secret = 'a shared secret of tests';

export interface Target {
  id: string;
  state: string;
  assignment: bigint;
  revision_number: number | null;
  bundle: string | null;
  head: Buffer | null;
  body_digest: string | null;
  generation: bigint;
  cluster_generation: bigint;
}

export interface World {
  name: string;
  repository: TestRepository;
  repositoryId: string;
  applicationId: string;
  push: (files: Record<string, string | null>, options?: { force?: boolean }) => Promise<string>;
  targets: () => Promise<Target[]>;
  conditions: () => Promise<{ type: string; message: string }[]>;
  revisions: () => Promise<{ number: number; state: string; error: { message: string } | null }[]>;
}

let worlds = 0;

export interface Places {
  hub: TestHub;
  git: TestGitServer;
}

export async function makeWorld(
  { hub, git }: Places,
  files: Record<string, string>,
  spec: { syncPolicy?: object; strategy?: object } = {},
  clusters = 2,
): Promise<World> {
  const name = `world-${++worlds}`;
  const repository = git.makeRepository(name);
  repository.push(files);
  for (let at = 0; at < clusters; at++) await hub.makeCluster(`${name}-${at}`, { world: name });
  const url = repository.url;
  const connected = { name, url, webhookSecret: secret, pollIntervalMs: 3_600_000 };
  const repositoryId = await createdId(hub.api('POST', '/repositories', connected));
  const applicationSpec = {
    sources: [{ repository: name, ref: { branch: 'main' }, path: 'app' }],
    placement: { clusters: { selector: { matchLabels: { world: name } } } },
    destination: { namespace: 'web' },
    syncPolicy: { automated: true, prune: true, ...spec.syncPolicy },
    ...(spec.strategy !== undefined && { strategy: spec.strategy }),
  };
  const applicationId = await createdId(hub.api('POST', '/applications', { name, spec: applicationSpec }));
  return {
    name,
    repository,
    repositoryId,
    applicationId,
    push: async (changed, options) => {
      const commit = repository.push(changed, options);
      expect(await hub.webhook(repositoryId, secret, '{}')).toMatchObject({ status: 202 });
      return commit;
    },
    ...readersOf(hub, applicationId),
  };
}

async function createdId(answer: ReturnType<TestHub['api']>): Promise<string> {
  const { status, body } = await answer;
  expect({ status, body }).toMatchObject({ status: 201 });
  return (body as { id: string }).id;
}

export function readersOf(
  hub: TestHub,
  applicationId: string,
): Pick<World, 'targets' | 'conditions' | 'revisions'> {
  return {
    targets: () =>
      hub.rows<Target>(
        `SELECT t.*, c.generation AS cluster_generation FROM targets t JOIN clusters c ON c.id = t.cluster_id
         WHERE application_id = $1::uuid ORDER BY c.name`,
        [applicationId],
      ),
    conditions: async () => {
      const [row] = await hub.rows<{ conditions: { type: string; message: string }[] }>(
        'SELECT conditions FROM applications WHERE id = $1::uuid',
        [applicationId],
      );
      return row?.conditions ?? [];
    },
    revisions: () =>
      hub.rows('SELECT number, state, error FROM revisions WHERE application_id = $1::uuid ORDER BY number', [
        applicationId,
      ]),
  };
}

export function configMap(name: string, value: string): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  value: "${value}"\n`;
}

/** All targets are assigned this revision. */
export function assignedAt(world: World, revision: number): Promise<Target[]> {
  return eventually(`revision ${revision} on every target of ${world.name}`, async () => {
    const targets = await world.targets();
    return targets.length > 0 && targets.every((target) => target.revision_number === revision)
      ? targets
      : null;
  });
}

/** As agents say it that have done what they were assigned. */
export async function reportDone(
  hub: Pick<TestHub, 'rows'>,
  { applicationId }: Pick<World, 'applicationId'>,
): Promise<void> {
  await hub.rows(
    `INSERT INTO target_observations AS o (target_id, cluster_id, application_id, fence, seq, digest, assignment, revision_number, bundle, sync, health, state, operation_phase)
     SELECT id, cluster_id, application_id, 1, 1, '', assignment, revision_number, bundle, 'Synced', 'Healthy',
       jsonb_build_object('operation', jsonb_build_object('assignment', assignment, 'phase', 'Succeeded', 'message', '')), 'Succeeded'
     FROM targets WHERE application_id = $1::uuid AND revision_number IS NOT NULL
     ON CONFLICT (target_id) DO UPDATE SET assignment = excluded.assignment, revision_number = excluded.revision_number,
       bundle = excluded.bundle, state = excluded.state, seq = o.seq + 1`,
    [applicationId],
  );
}
