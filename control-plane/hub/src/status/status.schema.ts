/** What the read side shows: targets, runs, transitions, rollouts, the fleet. */
import { z } from 'zod';
import {
  condition,
  currency,
  healthStatus,
  removalMode,
  revisionSummary,
  statusCounts,
  syncStatus,
} from '../applications/application.ts';
import { pageSchema } from '../http/operation.ts';
import { pageQuery } from '../http/pages.ts';

const time = z.iso.datetime();
const count = z.int().min(0);
const detail = z.record(z.string(), z.unknown());

export const targetResource = z
  .object({
    id: z.uuid(),
    application: z.string(),
    applicationId: z.uuid(),
    project: z.string(),
    cluster: z.string(),
    clusterId: z.uuid(),
    stage: z.string().describe('that it belongs to; "" in an application without stages'),
    state: z.enum(['Unassigned', 'Active', 'Suspended', 'Removing']),
    removal: removalMode.nullable(),
    sync: syncStatus.describe('does the cluster hold what was assigned?'),
    health: healthStatus,
    healthMessage: z.string(),
    currency,
    shownSync: syncStatus.describe(
      'OutOfSync when the cluster differs, or what is assigned is not the newest',
    ),
    shownWhy: z.string().describe('which of the two'),
    assignment: z.int(),
    revisionNumber: z.int().nullable().describe('assigned'),
    bundle: z.string().nullable().describe('assigned'),
    reads: z
      .record(z.string(), z.string().nullable())
      .describe(
        'name, labels and facts of the cluster, and overrides, that decided which bundle of the revision is assigned; empty: there is only one',
      ),
    observedAssignment: z.int().nullable(),
    observedRevision: z.int().nullable(),
    observedBundle: z.string().nullable(),
    operation: z.object({ phase: z.string(), message: z.string() }).nullable(),
    conditions: z.array(condition),
    live: z.boolean().describe('what is shown was reported or confirmed by the live session of the cluster'),
    lastSeenAt: time.nullable(),
    changedAt: time.nullable().describe('since when sync, health and operation are as they were reported'),
  })
  .meta({ id: 'Target' });

export const targetPage = pageSchema('TargetPage', targetResource);

export const runResource = z
  .object({
    target: z.uuid(),
    application: z.string(),
    cluster: z.string(),
    revisionNumber: z.int(),
    commit: z.string().nullable(),
    bundle: z.string(),
    assignment: z.int(),
    from: time,
    to: time.nullable().describe('null: still in force'),
    agentAt: time.nullable().describe("when it came into force by the agent's own clock"),
  })
  .meta({ id: 'Run', description: 'a revision that was in force on a target' });

export const runPage = pageSchema('RunPage', runResource);

export const transitionResource = z
  .object({
    at: time,
    agentAt: time.nullable(),
    target: z.uuid(),
    application: z.string(),
    cluster: z.string(),
    kind: z
      .string()
      .describe('Sync, Health, Operation, Removal, Applied, Drift, Pruned, Removed or Overflow'),
    from: z.string().nullable(),
    to: z.string().nullable(),
    detail,
  })
  .meta({ id: 'Transition', description: 'something that happened to a target' });

export const transitionPage = pageSchema('TransitionPage', transitionResource);

const resourceStatus = z
  .object({
    group: z.string(),
    kind: z.string(),
    namespace: z.string(),
    name: z.string(),
    sync: syncStatus,
    health: z.object({ status: healthStatus, message: z.string() }).nullable(),
    message: z.string(),
  })
  .meta({ id: 'ResourceStatus' });

export const targetDetail = targetResource
  .extend({
    resources: z
      .array(resourceStatus)
      .describe('objects that are not Synced and Healthy, worst first, at most 20'),
    counts: z.object({ objects: count, outOfSync: count, pruneHeld: count }).nullable(),
    flaps: count.describe('changes of health that lasted less than 30 s'),
    runs: z.array(runResource),
    recent: z.array(transitionResource),
  })
  .meta({ id: 'TargetDetail' });

export const revisionResource = revisionSummary
  .extend({
    id: z.uuid(),
    sources: z.array(
      z.object({ repository: z.string(), ref: z.string(), commit: z.string(), path: z.string() }),
    ),
    error: z.object({ message: z.string() }).nullable(),
    createdAt: time,
  })
  .meta({ id: 'Revision' });

export const revisionPage = pageSchema('RevisionPage', revisionResource);

const wave = z
  .object({ wave: z.int(), total: count, outcomes: z.record(z.string(), count) })
  .meta({ id: 'WaveSummary' });

export const rolloutResource = z
  .object({
    id: z.uuid(),
    application: z.string(),
    applicationId: z.uuid(),
    stage: z.string().describe('"" in an application without stages'),
    revisionNumber: z.int(),
    kind: z.string().describe('forward or rollback'),
    phase: z.string(),
    phaseReason: z.string().nullable(),
    createdBy: z.string(),
    createdAt: time,
    startedAt: time.nullable(),
    closedAt: time.nullable(),
    waves: z.array(wave),
  })
  .meta({ id: 'Rollout' });

export const rolloutPage = pageSchema('RolloutPage', rolloutResource);

const waits = {
  waitsFor: z.string().describe('and until when; "" where it waits for nothing'),
  until: time.nullable().describe('that time; null: only a person knows'),
};

const waveDetail = wave
  .extend({
    name: z.string(),
    state: z.enum(['Waiting', 'Running', 'Soaking', 'Done']),
    failures: count.describe('failed, or bad again after they had succeeded'),
    ...waits,
  })
  .meta({ id: 'WaveDetail' });

const failure = z
  .object({
    cluster: z.string(),
    wave: z.string(),
    reason: z.string(),
    message: z.string(),
    at: time.nullable(),
  })
  .meta({ id: 'RolloutFailure' });

export const rolloutDetail = rolloutResource
  .extend({
    readAt: time.describe("by the hub's clock"),
    revision: revisionSummary,
    waves: z.array(waveDetail).describe('every wave in order; empty while the rollout waits to start'),
    ...waits,
    estimatedEndAt: time
      .nullable()
      .describe('from what its targets took so far; null where that cannot be said'),
    deferred: count.describe('offline when their turn came: they get it when they return'),
    failures: z.object({
      total: count,
      reasons: z.record(z.string(), count),
      first: z.array(failure).describe('the first ones, at most 10'),
    }),
    strategy: detail,
    events: z.array(z.object({ at: time, kind: z.string(), message: z.string(), detail })),
  })
  .meta({ id: 'RolloutDetail' });

export const fleetResource = z
  .object({
    clusters: z.object({
      total: count,
      states: z.record(z.string(), count),
      connections: z.record(z.string(), count),
    }),
    applications: z.object({ total: count }),
    targets: statusCounts,
    rollouts: z.record(z.string(), count).describe('open and waiting ones by phase'),
  })
  .meta({ id: 'Fleet' });

const statusFilter = { sync: syncStatus.optional(), health: healthStatus.optional() };
const inProject = { project: z.string().optional().describe('of the application; default: default') };

export const targetsOfQuery = z.object({ ...pageQuery.shape, ...statusFilter, ...inProject });
export const targetsQuery = z.object({
  ...targetsOfQuery.shape,
  cluster: z.string().optional().describe('name or id'),
  application: z.string().optional().describe('name or id'),
});
export const runsQuery = z.object({
  ...pageQuery.shape,
  at: z.iso.datetime({ offset: true }).optional().describe('only what was in force at this time'),
});
export const applicationRunsQuery = z.object({
  ...runsQuery.shape,
  ...inProject,
  cluster: z.string().optional().describe('name or id'),
});
export const transitionsQuery = z.object({
  ...pageQuery.shape,
  ...inProject,
  kind: z.string().max(30).optional(),
  since: z.iso.datetime({ offset: true }).optional().describe('not before this time'),
  until: z.iso.datetime({ offset: true }).optional().describe('not after this time'),
  cluster: z.string().optional().describe('name or id'),
});
export const rolloutQuery = z.object({
  events: z.coerce
    .number()
    .int()
    .min(0)
    .max(200)
    .default(200)
    .describe('so many of its decisions, the newest'),
  outcomes: z
    .enum(['true', 'false'])
    .default('true')
    .describe('also what became of single targets is a decision'),
});
export const pagesInProject = z.object({ ...pageQuery.shape, ...inProject });
export const rolloutsQuery = z.object({
  ...pagesInProject.shape,
  stage: z.string().optional().describe('only of this stage'),
});

export type TargetResource = z.output<typeof targetResource>;
export type TargetDetail = z.output<typeof targetDetail>;
export type RunResource = z.output<typeof runResource>;
export type TransitionResource = z.output<typeof transitionResource>;
export type RevisionResource = z.output<typeof revisionResource>;
export type RolloutResource = z.output<typeof rolloutResource>;
export type RolloutDetail = z.output<typeof rolloutDetail>;
export type FleetResource = z.output<typeof fleetResource>;
export type TargetsQuery = z.output<typeof targetsQuery>;
export type ApplicationRunsQuery = z.output<typeof applicationRunsQuery>;
export type RunsQuery = z.output<typeof runsQuery>;
export type RolloutsQuery = z.output<typeof rolloutsQuery>;
export type RolloutQuery = z.output<typeof rolloutQuery>;
export type TransitionsQuery = z.output<typeof transitionsQuery>;
