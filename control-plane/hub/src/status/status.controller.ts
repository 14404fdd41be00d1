/** What is shown of targets, their history, rollouts and the fleet. */
import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Authorize } from '../http/authorize.ts';
import { Operation } from '../http/operation.ts';
import { StatusReader } from './read.ts';
import * as schema from './status.schema.ts';

const id = z.uuid();
type Pages = z.output<typeof schema.pagesInProject>;

@ApiTags('targets')
@Controller()
export class TargetsController {
  constructor(private readonly status: StatusReader) {}

  @Get('targets')
  @Authorize('target:read')
  @Operation({
    id: 'listTargets',
    summary: 'targets, by what they are and how they do',
    answers: schema.targetPage,
  })
  list(@Query({ schema: schema.targetsQuery }) query: schema.TargetsQuery) {
    return this.status.targets(query);
  }

  @Get('targets/:target')
  @Authorize('target:read')
  @Operation({
    id: 'getTarget',
    summary: 'one target with conditions, resources, runs and what happened last',
    answers: schema.targetDetail,
  })
  get(@Param('target', { schema: id }) target: string) {
    return this.status.target(target);
  }

  @Get('targets/:target/history')
  @Authorize('target:read')
  @Operation({ id: 'listTargetRuns', summary: 'revisions that were in force on it', answers: schema.runPage })
  runs(
    @Param('target', { schema: id }) target: string,
    @Query({ schema: schema.runsQuery }) query: schema.RunsQuery,
  ) {
    return this.status.runsOfTarget(target, query);
  }

  @Get('clusters/:cluster/targets')
  @Authorize('target:read')
  @Operation({ id: 'listClusterTargets', summary: 'what is placed on a cluster', answers: schema.targetPage })
  ofCluster(
    @Param('cluster') cluster: string,
    @Query({ schema: schema.targetsOfQuery }) query: z.output<typeof schema.targetsOfQuery>,
  ) {
    return this.status.targets({ ...query, cluster });
  }

  @Get('clusters/:cluster/history')
  @Authorize('target:read')
  @Operation({
    id: 'listClusterRuns',
    summary: 'what ran on a cluster; with "at", what ran at that time',
    answers: schema.runPage,
  })
  runsOfCluster(
    @Param('cluster') cluster: string,
    @Query({ schema: schema.runsQuery }) query: schema.RunsQuery,
  ) {
    return this.status.runsOfCluster(cluster, query);
  }

  @Get('applications/:application/targets')
  @Authorize('target:read')
  @Operation({
    id: 'listApplicationTargets',
    summary: 'where an application is placed',
    answers: schema.targetPage,
  })
  ofApplication(
    @Param('application') application: string,
    @Query({ schema: schema.targetsOfQuery }) query: z.output<typeof schema.targetsOfQuery>,
  ) {
    return this.status.targets({ ...query, application });
  }
}

@ApiTags('rollouts')
@Controller()
export class RolloutsController {
  constructor(private readonly status: StatusReader) {}

  @Get('applications/:application/history')
  @Authorize('application:read')
  @Operation({
    id: 'listApplicationHistory',
    summary: 'what happened to its targets, newest first',
    answers: schema.transitionPage,
  })
  history(
    @Param('application') application: string,
    @Query({ schema: schema.transitionsQuery }) query: schema.TransitionsQuery,
  ) {
    return this.status.transitions(application, query);
  }

  @Get('applications/:application/runs')
  @Authorize('application:read')
  @Operation({
    id: 'listApplicationRuns',
    summary: 'which revisions were in force on its targets; with "at", those of that time',
    answers: schema.runPage,
  })
  runs(
    @Param('application') application: string,
    @Query({ schema: schema.applicationRunsQuery }) query: schema.ApplicationRunsQuery,
  ) {
    return this.status.runsOfApplication(application, query);
  }

  @Get('applications/:application/revisions')
  @Authorize('application:read')
  @Operation({ id: 'listRevisions', summary: 'its revisions, newest first', answers: schema.revisionPage })
  revisions(
    @Param('application') application: string,
    @Query({ schema: schema.pagesInProject }) query: Pages,
  ) {
    return this.status.revisions(application, query);
  }

  @Get('applications/:application/rollouts')
  @Authorize('rollout:read')
  @Operation({ id: 'listRollouts', summary: 'its rollouts, newest first', answers: schema.rolloutPage })
  rollouts(
    @Param('application') application: string,
    @Query({ schema: schema.rolloutsQuery }) query: schema.RolloutsQuery,
  ) {
    return this.status.rollouts(application, query);
  }

  @Get('rollouts/:rollout')
  @Authorize('rollout:read')
  @Operation({
    id: 'getRollout',
    summary: 'one rollout: its waves, what it waits for, what failed, and its decisions with their reasons',
    answers: schema.rolloutDetail,
  })
  rollout(
    @Param('rollout', { schema: id }) rollout: string,
    @Query({ schema: schema.rolloutQuery }) query: schema.RolloutQuery,
  ) {
    return this.status.rollout(rollout, query);
  }

  @Get('fleet')
  @Authorize('target:read')
  @Operation({ id: 'getFleet', summary: 'the whole fleet in counts', answers: schema.fleetResource })
  fleet() {
    return this.status.fleet();
  }
}
