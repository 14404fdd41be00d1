/** Plans as the API shows them, and what goes into their operations. */
import { plannedActions, planFailReasons } from '@flotilla/domain/plan/plan';
import { planStates, planVerdicts } from '@flotilla/domain/plan/verdict';
import { z } from 'zod';
import { refName } from '../../applications/spec.ts';
import { pageSchema } from '../../http/operation.ts';
import { pageQuery } from '../../http/pages.ts';

const count = z.int().min(0);
const digest = z.string().regex(/^[0-9a-f]{64}$/);
export const inProject = z.object({ project: z.string().optional() });

export const newPlan = z
  .strictObject({
    revision: refName.describe('commit, branch or tag'),
    repository: z
      .string()
      .min(1)
      .max(253)
      .optional()
      .describe('name or id of the source repository that is meant; left out: that of the first source'),
    answerTimeoutMs: z
      .int()
      .min(1_000)
      .max(600_000)
      .default(60_000)
      .describe('how long a cluster is waited for'),
  })
  .meta({ id: 'NewPlan' });

export const planCounts = z
  .record(z.enum(plannedActions), count)
  .meta({ id: 'PlanCounts', description: 'objects by what would become of them' });

export const planTally = z
  .object({
    clean: count,
    changes: count,
    failing: count,
    incomplete: count,
    waiting: count,
    offline: count,
    noAnswer: count,
    error: count,
  })
  .meta({ id: 'PlanTally', description: 'clusters by what they came to' });

const verdict = z.enum(planVerdicts);

export const planGroup = z
  .object({
    digest: digest.describe('the diff: see the plan’s diffs'),
    verdict,
    clusters: count,
    sample: z.array(z.string()).describe('names of the first few'),
    message: z.string().describe('what would fail first'),
    counts: planCounts,
  })
  .meta({ id: 'PlanGroup', description: 'clusters for which the same would change' });

export const planResource = z
  .object({
    id: z.uuid(),
    application: z.string(),
    project: z.string(),
    revision: z.string().describe('as it was asked for'),
    commit: z.string().nullable(),
    message: z.string().describe('of the commit'),
    author: z.string(),
    phase: z.enum(['Rendering', 'Asking', 'Done', 'Failed']),
    error: z.string().nullable().describe('why it failed: it does not resolve or render'),
    verdict: verdict.nullable().describe('what it comes to so far; null before clusters are asked'),
    summary: z.string(),
    bundle: z.string().nullable(),
    objects: count,
    targets: count,
    answered: count.describe('targets that are waited for no longer'),
    tally: planTally,
    groups: z.array(planGroup).describe('those that would fail first, then the largest; at most 50'),
    groupsOmitted: count,
    createdBy: z.string(),
    createdAt: z.iso.datetime(),
    finishedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Plan', description: 'what a commit would change across the fleet, before anything is' });

export const planSummary = planResource
  .omit({ groups: true, groupsOmitted: true })
  .meta({ id: 'PlanSummary', description: 'a plan without its groups' });
export const planPage = pageSchema('PlanPage', planSummary);
export const plansQuery = z.object({ ...pageQuery.shape, ...inProject.shape });

export const planResult = z
  .object({
    cluster: z.string(),
    clusterId: z.uuid(),
    state: z.enum(planStates),
    verdict: verdict.nullable(),
    digest: digest.nullable(),
    counts: planCounts.nullable(),
    message: z.string().describe('what is wrong, if anything is'),
    answeredAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'PlanResult' });

export const planResultPage = pageSchema('PlanResultPage', planResult);

export const planResultsQuery = z.object({
  ...pageQuery.shape,
  ...inProject.shape,
  state: z.enum(planStates).optional(),
  verdict: verdict.optional(),
  digest: digest.optional().describe('only the clusters of one group'),
});

const identity = z.object({
  group: z.string(),
  kind: z.string(),
  namespace: z.string(),
  name: z.string(),
});
const omitted = z.object({ count, digest: z.string() }).nullable();

export const plannedObject = z
  .object({
    object: identity,
    action: z.enum(plannedActions),
    fields: z
      .array(z.object({ path: z.string(), before: z.string().nullable(), after: z.string().nullable() }))
      .optional()
      .describe('of a change: JSON pointers with both sides as JSON; sensitive values are masked'),
    omitted: omitted.optional().describe('of a change: fields that are not listed'),
    recreated: z.boolean().optional(),
    content: z.string().optional().describe('of a create: digest of the masked manifest'),
    note: z.string().optional().describe('why the server could not be asked about it'),
    phase: z.string().optional().describe('of a hook'),
    reason: z
      .string()
      .optional()
      .describe(`of a failure: ${planFailReasons.join(', ')}`),
    message: z.string().optional(),
  })
  .meta({ id: 'PlannedObject' });

export const planDiff = z
  .object({
    digest,
    counts: planCounts,
    objects: z.array(plannedObject).describe('without the unchanged'),
    omitted,
  })
  .meta({ id: 'PlanDiff' });

export type NewPlan = z.output<typeof newPlan>;
export type PlanResource = z.output<typeof planResource>;
export type PlanSummary = z.output<typeof planSummary>;
export type PlansQuery = z.output<typeof plansQuery>;
export type PlanResultsQuery = z.output<typeof planResultsQuery>;
export type PlanResultResource = z.output<typeof planResult>;
export type PlanDiffResource = z.output<typeof planDiff>;
