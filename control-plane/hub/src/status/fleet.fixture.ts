/** Rows for tests of status: a project, an application, clusters with live sessions, a target on each. */
import { randomUUID } from 'node:crypto';
import type { FactBody, ObservedState } from '@flotilla/domain/status/observed';
import type { ReportBatch } from '@flotilla/proto/messages';
import type { Database } from '../platform/prisma.ts';

export interface SeededFleet {
  projectId: string;
  applicationIds: string[];
  clusterIds: string[];
  /** `targetIds[application][cluster]` */
  targetIds: string[][];
}

export async function seedFleet(
  database: Database,
  size: { applications: number; clusters: number },
): Promise<SeededFleet> {
  const tag = randomUUID().slice(0, 8);
  const projectId = randomUUID();
  await database.query(`INSERT INTO projects (id, name, spec, data_key) VALUES ($1, $2, '{}', '')`, [
    projectId,
    `project-${tag}`,
  ]);
  const applicationIds = uuids(size.applications);
  const clusterIds = uuids(size.clusters);
  await database.query(
    `INSERT INTO clusters (id, name, project_id, state, fence, last_seen_at, connected_at)
     SELECT i, 'cluster-${tag}-' || n, $2, 'Active', 1, now(), now() FROM unnest($1::uuid[]) WITH ORDINALITY AS x(i, n)`,
    [clusterIds, projectId],
  );
  await database.query(
    `INSERT INTO applications (id, project_id, name, spec)
     SELECT i, $2, 'application-${tag}-' || n, '{}' FROM unnest($1::uuid[]) WITH ORDINALITY AS x(i, n)`,
    [applicationIds, projectId],
  );
  const targetIds = applicationIds.map(() => uuids(size.clusters));
  for (const [at, applicationId] of applicationIds.entries()) {
    await database.query(
      `INSERT INTO targets (id, application_id, cluster_id, state, assignment, revision_number)
       SELECT t, $3, c, 'Active', 1, 1 FROM unnest($1::uuid[], $2::uuid[]) AS x(t, c)`,
      [targetIds[at], clusterIds, applicationId],
    );
  }
  return { projectId, applicationIds, clusterIds, targetIds };
}

function uuids(count: number): string[] {
  return Array.from({ length: count }, () => randomUUID());
}

export function stateOf(target: string, change: Partial<ObservedState> = {}): ObservedState {
  return {
    target,
    assignment: 1,
    revision: 1,
    bundle: 'b'.repeat(64),
    sync: 'Synced',
    health: { status: 'Healthy', message: '' },
    operation: null,
    counts: { objects: 1, outOfSync: 0, pruneHeld: 0 },
    conditions: [],
    resources: [],
    removal: 'None',
    ...change,
  };
}

export interface BatchParts {
  fence?: bigint;
  seq?: bigint;
  states?: ObservedState[];
  facts?: { number: bigint; fact: FactBody }[];
  incarnation?: string;
}

const incarnation = '00000000-0000-4000-8000-000000000001';

export function batchOf(parts: BatchParts): ReportBatch {
  const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  return {
    fence: parts.fence ?? 1n,
    batch: 1n,
    states: (parts.states ?? []).map((state) => ({
      target: state.target,
      seq: parts.seq ?? 1n,
      state: bytes(state),
    })),
    facts: (parts.facts ?? []).map(({ number, fact }) => ({ number, at: new Date(0), fact: bytes(fact) })),
    incarnation: parts.incarnation ?? incarnation,
  };
}
