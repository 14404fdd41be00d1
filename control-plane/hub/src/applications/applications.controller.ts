/** `/applications` and `/projects`: decode, call, encode. */
import { Body, Controller, Delete, Get, Headers, Param, Patch, Post, Put, Query } from '@nestjs/common';
import { ApiHeader, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { Authorize } from '../http/authorize.ts';
import { ifMatchVersion } from '../http/etag.ts';
import { Operation } from '../http/operation.ts';
import { pageQuery, type PageQuery } from '../http/pages.ts';
import { CurrentCaller, type Caller } from '../http/principal.ts';
import { Problem } from '../http/problem.ts';
import * as schema from './application.ts';
import { Applications } from './applications.ts';
import {
  newProject,
  projectPage,
  projectPatch,
  projectResource,
  type NewProject,
  type ProjectPatch,
} from './project.ts';
import { Projects } from './projects.ts';

type InProject = z.output<typeof schema.inProject>;

@ApiTags('applications')
@Controller('applications')
export class ApplicationsController {
  constructor(private readonly applications: Applications) {}

  @Get()
  @Authorize('application:read')
  @Operation({ id: 'listApplications', summary: 'applications by name', answers: schema.applicationPage })
  list(@Query({ schema: schema.applicationList }) query: schema.ApplicationList) {
    return this.applications.list(query);
  }

  @Get(':application')
  @Authorize('application:read')
  @Operation({ id: 'getApplication', summary: 'one application', answers: schema.applicationResource })
  get(@Param('application') nameOrId: string, @Query({ schema: schema.inProject }) { project }: InProject) {
    return this.applications.get({ nameOrId, project });
  }

  @Post()
  @Authorize('application:create')
  @Operation({
    id: 'createApplication',
    summary: 'make an application; it gets its first revision as soon as its sources are read',
    status: 201,
    answers: schema.applicationResource,
  })
  create(
    @CurrentCaller() caller: Caller,
    @Body({ schema: schema.newApplication }) body: schema.NewApplication,
  ) {
    return this.applications.create(caller, body);
  }

  @Put(':application')
  @Authorize('application:update')
  @ApiHeader({ name: 'If-Match', required: true, description: 'version that was read, or *' })
  @Operation({ id: 'replaceApplication', summary: 'replace its spec', answers: schema.applicationResource })
  replace(
    @CurrentCaller() caller: Caller,
    @Param('application') nameOrId: string,
    @Query({ schema: schema.inProject }) { project }: InProject,
    @Headers('if-match') ifMatch: string | undefined,
    @Body({ schema: schema.applicationUpdate }) body: z.output<typeof schema.applicationUpdate>,
  ) {
    if (ifMatch === undefined) throw versionNeeded();
    return this.applications.replace(caller, { nameOrId, project }, ifMatchVersion(ifMatch), body.spec);
  }

  @Delete(':application')
  @Authorize('application:delete')
  @Operation({
    id: 'deleteApplication',
    summary: 'remove it from every cluster; it is gone when the last one has confirmed',
    status: 202,
    answers: schema.applicationResource,
  })
  remove(
    @CurrentCaller() caller: Caller,
    @Param('application') nameOrId: string,
    @Query({ schema: schema.removal }) { project, mode }: z.output<typeof schema.removal>,
  ) {
    return this.applications.remove(caller, { nameOrId, project }, mode);
  }

  @Post(':application/sync')
  @Authorize('application:sync')
  @Operation({
    id: 'syncApplication',
    summary: 'start the waiting rollout, or apply the assigned revision again',
    status: 202,
    answers: schema.syncResult,
  })
  sync(
    @CurrentCaller() caller: Caller,
    @Param('application') nameOrId: string,
    @Query({ schema: schema.inProject }) { project }: InProject,
    @Body({ schema: schema.syncRequest }) body: schema.SyncRequest,
  ) {
    return this.applications.sync(caller, { nameOrId, project }, body);
  }
}

@ApiTags('projects')
@Controller('projects')
export class ProjectsController {
  constructor(private readonly projects: Projects) {}

  @Get()
  @Authorize('project:read')
  @Operation({ id: 'listProjects', summary: 'projects by name', answers: projectPage })
  list(@Query({ schema: pageQuery }) query: PageQuery) {
    return this.projects.list(query);
  }

  @Get(':project')
  @Authorize('project:read')
  @Operation({ id: 'getProject', summary: 'one project', answers: projectResource })
  get(@Param('project') nameOrId: string) {
    return this.projects.get(nameOrId);
  }

  @Post()
  @Authorize('project:create')
  @Operation({ id: 'createProject', summary: 'make a project', status: 201, answers: projectResource })
  create(@CurrentCaller() caller: Caller, @Body({ schema: newProject }) body: NewProject) {
    return this.projects.create(caller, body);
  }

  @Patch(':project')
  @Authorize('project:update')
  @ApiHeader({ name: 'If-Match', required: false, description: 'version that was read' })
  @Operation({
    id: 'patchProject',
    summary: 'change what its applications may use; a list that is left out stays',
    answers: projectResource,
  })
  patch(
    @CurrentCaller() caller: Caller,
    @Param('project') nameOrId: string,
    @Headers('if-match') ifMatch: string | undefined,
    @Body({ schema: projectPatch }) body: ProjectPatch,
  ) {
    return this.projects.patch(caller, nameOrId, ifMatchVersion(ifMatch), body);
  }
}

function versionNeeded(): Problem {
  const detail = 'send If-Match with the version that was read, or * to replace whatever is there';
  return new Problem(428, 'precondition-required', 'If-Match is required', { detail });
}
