/** `/applications/{application}/plans`: decode, call, encode. */
import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';

import { Authorize } from '../../http/authorize.ts';
import { Operation } from '../../http/operation.ts';
import { CurrentCaller, type Caller } from '../../http/principal.ts';
import * as schema from './plan.schema.ts';
import { Plans } from './plans.ts';

type InProject = z.output<typeof schema.inProject>;
const id = z.uuid();

@ApiTags('plans')
@Controller('applications/:application/plans')
export class PlansController {
  constructor(private readonly plans: Plans) {}

  @Post()
  @Authorize('plan:create')
  @Operation({
    id: 'createPlan',
    summary: 'find out what a commit would change on every targeted cluster; nothing is changed',
    status: 202,
    answers: schema.planResource,
  })
  create(
    @CurrentCaller() caller: Caller,
    @Param('application') nameOrId: string,
    @Query({ schema: schema.inProject }) { project }: InProject,
    @Body({ schema: schema.newPlan }) body: schema.NewPlan,
  ) {
    return this.plans.create(caller, { nameOrId, project }, body);
  }

  @Get()
  @Authorize('plan:read')
  @Operation({ id: 'listPlans', summary: 'its plans, newest first', answers: schema.planPage })
  list(
    @Param('application') nameOrId: string,
    @Query({ schema: schema.plansQuery }) query: schema.PlansQuery,
  ) {
    return this.plans.list({ nameOrId, project: query.project }, query);
  }

  @Get(':plan')
  @Authorize('plan:read')
  @Operation({
    id: 'getPlan',
    summary: 'how far a plan is, and what it comes to',
    answers: schema.planResource,
  })
  get(
    @Param('application') nameOrId: string,
    @Param('plan', { schema: id }) plan: string,
    @Query({ schema: schema.inProject }) { project }: InProject,
  ) {
    return this.plans.get({ nameOrId, project }, plan);
  }

  @Get(':plan/results')
  @Authorize('plan:read')
  @Operation({
    id: 'listPlanResults',
    summary: 'what each cluster said, by name',
    answers: schema.planResultPage,
  })
  results(
    @Param('application') nameOrId: string,
    @Param('plan', { schema: id }) plan: string,
    @Query({ schema: schema.planResultsQuery }) query: schema.PlanResultsQuery,
  ) {
    return this.plans.results({ nameOrId, project: query.project }, plan, query);
  }

  @Get(':plan/diffs/:digest')
  @Authorize('plan:read')
  @Operation({
    id: 'getPlanDiff',
    summary: 'what would change, object by object, for all clusters of one group',
    answers: schema.planDiff,
  })
  diff(
    @Param('application') nameOrId: string,
    @Param('plan', { schema: id }) plan: string,
    @Param('digest') digest: string,
    @Query({ schema: schema.inProject }) { project }: InProject,
  ) {
    return this.plans.diff({ nameOrId, project }, plan, digest);
  }
}
