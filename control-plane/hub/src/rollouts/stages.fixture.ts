/** An application with stages on clusters that do at once what they are assigned, unless a test says otherwise. */
import { expect } from 'vitest';

import type { ApplicationResource, StageResource } from '../applications/application.ts';
import { makeFleet, type Fleet } from '../labelledFleet.fixture.ts';
import { eventually, type TestHub } from '../worker.fixture.ts';
import { configMap, type Places } from '../world.fixture.ts';

const env = (name: string) => ({ selector: { matchLabels: { env: name } } });

/** dev → staging → production, with what each asks beside its clusters. */
export function threeStages(change: { staging?: object; production?: object } = {}): object {
  return {
    stages: [
      { name: 'dev', clusters: env('dev') },
      { name: 'staging', clusters: env('staging'), ...change.staging },
      { name: 'production', clusters: env('production'), ...change.production },
    ],
  };
}

export interface StagedFleet extends Fleet {
  /** Assigned revisions by stage, in the order of cluster names. */
  held: () => Promise<Record<string, (number | null)[]>>;
  application: () => Promise<ApplicationResource & { stages: StageResource[] }>;
  stage: (name: string) => Promise<StageResource>;
  /** Gives the stages what agents say until this is true of them, with doubled hints to everyone. */
  until: (what: string, check: () => Promise<boolean>) => Promise<void>;
  act: (
    action: object,
  ) => Promise<{ status: number; body: { detail?: string; events?: string[]; stage?: string } }>;
  replace: (strategy: object) => Promise<void>;
  /** What the agents of an environment report; Failed: of the operation. */
  health: Record<string, 'Healthy' | 'Degraded' | 'Failed'>;
}

/** Clusters two by two: of dev, staging and production. */
export async function stagedFleet(
  { git, hubs }: { git: Places['git']; hubs: readonly [TestHub, ...TestHub[]] },
  strategy: object,
  envs: readonly string[] = ['dev', 'dev', 'staging', 'staging', 'production', 'production'],
): Promise<StagedFleet> {
  const [hub] = hubs;
  const fleet = await makeFleet(
    { hub, git },
    { 'app/a.yaml': configMap('a', '1') },
    { strategy, sources: { template: false } },
    envs.map((name) => ({ env: name })),
  );
  const health: StagedFleet['health'] = {};
  const application = async () => (await hub.api('GET', `/applications/${fleet.name}`)).body;
  return {
    ...fleet,
    health,
    application,
    held: () => heldBy(hub, fleet.applicationId),
    stage: async (name) => {
      const { stages } = (await application()) as { stages: StageResource[] };
      const found = stages.find((stage) => stage.name === name);
      if (found === undefined) throw new Error(`no stage ${name}`);
      return found;
    },
    until: (what, check) =>
      eventually(what, async () => {
        await hub.rows(reportSql, [fleet.applicationId, JSON.stringify(health)]);
        for (const each of [...hubs, ...hubs]) each.hint('rollout', fleet.applicationId);
        return check();
      }).then(() => undefined),
    act: (action) => hub.api('POST', `/applications/${fleet.name}/rollout`, action),
    replace: async (changed) => {
      const { spec, version } = (await application()) as ApplicationResource;
      const body = { spec: { ...spec, strategy: changed } };
      const answer = await hub.api('PUT', `/applications/${fleet.name}`, body, {
        'if-match': `"${version}"`,
      });
      expect(answer).toMatchObject({ status: 200 });
    },
  };
}

async function heldBy(hub: TestHub, applicationId: string): Promise<Record<string, (number | null)[]>> {
  const rows = await hub.rows<{ stage: string; revisions: (number | null)[] }>(
    `SELECT t.stage, jsonb_agg(t.revision_number ORDER BY c.name) AS revisions FROM targets t JOIN clusters c ON c.id = t.cluster_id
     WHERE t.application_id = $1::uuid GROUP BY t.stage`,
    [applicationId],
  );
  return Object.fromEntries(rows.map(({ stage, revisions }) => [stage, revisions]));
}

const reportSql = `
  INSERT INTO target_observations AS o (target_id, cluster_id, application_id, fence, seq, digest, assignment, revision_number, bundle, sync, health, state)
  SELECT t.id, t.cluster_id, t.application_id, 1, 1, '', t.assignment, t.revision_number, t.bundle, 'Synced',
    coalesce(nullif($2::jsonb->>(c.labels->>'env'), 'Failed'), 'Healthy'),
    jsonb_build_object('operation', jsonb_build_object('assignment', t.assignment, 'message', '',
      'phase', CASE WHEN $2::jsonb->>(c.labels->>'env') = 'Failed' THEN 'Failed' ELSE 'Succeeded' END))
  FROM targets t JOIN clusters c ON c.id = t.cluster_id WHERE t.application_id = $1::uuid AND t.revision_number IS NOT NULL
  ON CONFLICT (target_id) DO UPDATE SET assignment = excluded.assignment, bundle = excluded.bundle, state = excluded.state,
    revision_number = excluded.revision_number, health = excluded.health,
    health_since = CASE WHEN o.health = excluded.health THEN o.health_since ELSE now() END`;
