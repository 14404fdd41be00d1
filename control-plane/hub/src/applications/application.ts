/** Applications as the API shows them, and what goes into their operations. */
import { z } from 'zod';
import { pageSchema } from '../http/operation.ts';
import { pageQuery } from '../http/pages.ts';
import { applicationName, applicationSpec } from './spec.ts';

export const syncStatus = z.enum(['Synced', 'OutOfSync', 'Unknown']);
export const healthStatus = z.enum(['Healthy', 'Suspended', 'Progressing', 'Missing', 'Degraded', 'Unknown']);
export const removalMode = z.enum(['delete', 'orphan', 'detach']);
export const condition = z.object({ type: z.string(), message: z.string() }).meta({ id: 'Condition' });
const count = z.int().min(0);

export const statusCounts = z
  .object({
    total: count,
    sync: z.record(z.string(), count),
    health: z.record(z.string(), count),
  })
  .meta({ id: 'StatusCounts', description: 'targets by shown status' });

export const currency = z
  .object({
    state: z.enum(['Current', 'Behind', 'Held']),
    behind: count.describe('revisions between the assigned and the newest one'),
    reason: z.string().nullable().describe('what holds it, when Held'),
  })
  .meta({ id: 'Currency', description: 'is what was assigned the newest?' });

export const revisionSummary = z
  .object({
    number: z.int(),
    state: z.string().describe('Candidate, Ready, Failed or Rejected'),
    commit: z.string(),
    message: z.string(),
    author: z.string(),
  })
  .meta({ id: 'RevisionSummary' });

const stageRollout = z
  .object({
    id: z.uuid(),
    revision: revisionSummary,
    kind: z.string().describe('forward or rollback'),
    phase: z.string(),
    phaseReason: z.string().nullable(),
  })
  .meta({ id: 'StageRollout' });

const stageCandidate = z
  .object({
    revision: revisionSummary,
    state: z
      .enum(['Soaking', 'AwaitingApproval', 'Held'])
      .describe('Held: its time does not count now, the message says why'),
    since: z.iso.datetime(),
    until: z.iso.datetime().nullable().describe('when it will have soaked; null: that is not known'),
    message: z.string(),
  })
  .meta({ id: 'StageCandidate' });

export const stageResource = z
  .object({
    name: z.string(),
    soakMs: count.describe('how long the stage before must be healthy with a revision'),
    approval: z.boolean().describe('what has soaked waits for a person'),
    targets: count,
    sync: syncStatus.describe('the worst of its targets'),
    health: healthStatus.describe('the worst of its targets'),
    revision: revisionSummary.nullable().describe('that it completed last'),
    rollout: stageRollout.nullable().describe('the open one'),
    waiting: stageRollout.nullable().describe('the one that waits to start'),
    candidate: stageCandidate.nullable().describe('the revision that comes next from the stage before'),
  })
  .meta({ id: 'Stage' });

export const applicationResource = z
  .object({
    id: z.uuid(),
    project: z.string(),
    name: z.string(),
    spec: applicationSpec,
    version: z.int().describe('for If-Match; rises with every change of the spec'),
    revisionNumber: z.int().describe('of the newest revision; 0 before the first'),
    revision: revisionSummary.nullable(),
    sync: syncStatus.describe('the worst of its targets'),
    health: healthStatus.describe('the worst of its targets'),
    currency,
    status: statusCounts,
    rollout: z
      .object({
        id: z.uuid(),
        revisionNumber: z.int(),
        kind: z.string(),
        phase: z.string(),
        phaseReason: z.string().nullable(),
      })
      .nullable()
      .describe('the open one, else the waiting one; with stages one of them'),
    stages: z.array(stageResource).optional().describe('in order; left out where the application has none'),
    conditions: z.array(condition),
    removal: removalMode.nullable(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Application' });

export const applicationPage = pageSchema('ApplicationPage', applicationResource);

export const newApplication = z
  .strictObject({
    project: z.string().default('default'),
    name: applicationName,
    spec: applicationSpec,
  })
  .meta({ id: 'NewApplication' });

export const applicationUpdate = z.strictObject({ spec: applicationSpec }).meta({ id: 'ApplicationUpdate' });

/** Names are unique in a project; ids everywhere. */
export const inProject = z.object({ project: z.string().optional() });

export const applicationList = z.object({
  ...pageQuery.shape,
  ...inProject.shape,
  health: healthStatus.optional().describe('only applications with a target of this health'),
});

export const removal = z.object({
  ...inProject.shape,
  mode: removalMode
    .default('orphan')
    .describe(
      'delete: objects go too; orphan: objects stay, untracked; detach: objects stay, to be taken back',
    ),
});

export const syncRequest = z
  .strictObject({
    force: z.boolean().default(false).describe('apply every object, also unchanged ones'),
    clusters: z.array(z.string()).min(1).max(10_000).optional().describe('names or ids; left out: all'),
  })
  .meta({ id: 'SyncRequest' });

export const syncResult = z
  .object({
    application: z.string(),
    action: z
      .enum(['StartedRollout', 'Reapplied'])
      .describe('the waiting rollout starts, or the assigned revision is applied again'),
    revisionNumber: z.int(),
    targets: count,
  })
  .meta({ id: 'SyncResult' });

export type StageResource = z.output<typeof stageResource>;
export type ApplicationResource = z.output<typeof applicationResource>;
export type NewApplication = z.output<typeof newApplication>;
export type ApplicationList = z.output<typeof applicationList>;
export type RemovalMode = z.output<typeof removalMode>;
export type SyncRequest = z.output<typeof syncRequest>;
export type SyncResult = z.output<typeof syncResult>;
export type StatusCounts = z.output<typeof statusCounts>;
export type CurrencyResource = z.output<typeof currency>;
