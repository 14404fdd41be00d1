/** `/repositories` and their webhooks: decode, call, encode. */
import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  Param,
  Patch,
  Post,
  Query,
  Req,
  type RawBodyRequest,
} from '@nestjs/common';
import { ApiHeader, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';

import { Authorize } from '../http/authorize.ts';
import { ifMatchVersion } from '../http/etag.ts';
import { Operation } from '../http/operation.ts';
import { CurrentCaller, CurrentPeer, type Caller, type Peer } from '../http/principal.ts';
import { Repositories } from './repositories.ts';
import * as schema from './repository.schema.ts';
import { Webhooks } from './webhooks.ts';

type InProject = z.output<typeof schema.inProject>;

@ApiTags('repositories')
@Controller('repositories')
export class RepositoriesController {
  constructor(
    private readonly repositories: Repositories,
    private readonly webhooks: Webhooks,
  ) {}

  @Get()
  @Authorize('repository:read')
  @Operation({ id: 'listRepositories', summary: 'repositories by name', answers: schema.repositoryPage })
  list(@Query({ schema: schema.repositoryList }) query: schema.RepositoryList) {
    return this.repositories.list(query);
  }

  @Get(':repository')
  @Authorize('repository:read')
  @Operation({
    id: 'getRepository',
    summary: 'one repository, and where its refs point',
    answers: schema.repositoryResource,
  })
  get(@Param('repository') nameOrId: string, @Query({ schema: schema.inProject }) { project }: InProject) {
    return this.repositories.get({ nameOrId, project });
  }

  @Post()
  @Authorize('repository:create')
  @Operation({
    id: 'createRepository',
    summary: 'connect a Git repository',
    status: 201,
    answers: schema.repositoryResource,
  })
  create(
    @CurrentCaller() caller: Caller,
    @Body({ schema: schema.newRepository }) body: schema.NewRepository,
  ) {
    return this.repositories.create(caller, body);
  }

  @Patch(':repository')
  @Authorize('repository:update')
  @ApiHeader({ name: 'If-Match', required: false, description: 'version that was read' })
  @Operation({
    id: 'patchRepository',
    summary: 'change what is given; null removes a credential or secret',
    answers: schema.repositoryResource,
  })
  patch(
    @CurrentCaller() caller: Caller,
    @Param('repository') nameOrId: string,
    @Query({ schema: schema.inProject }) { project }: InProject,
    @Headers('if-match') ifMatch: string | undefined,
    @Body({ schema: schema.repositoryPatch }) body: schema.RepositoryPatch,
  ) {
    return this.repositories.patch(caller, { nameOrId, project }, ifMatchVersion(ifMatch), body);
  }

  @Delete(':repository')
  @Authorize('repository:delete')
  @Operation({
    id: 'deleteRepository',
    summary: 'disconnect a repository that no application uses',
    status: 204,
  })
  remove(
    @CurrentCaller() caller: Caller,
    @Param('repository') nameOrId: string,
    @Query({ schema: schema.inProject }) { project }: InProject,
  ) {
    return this.repositories.remove(caller, { nameOrId, project });
  }

  @Post(':repository/refresh')
  @Authorize('repository:refresh')
  @Operation({
    id: 'refreshRepository',
    summary: 'look at it now, and try again what did not render',
    status: 202,
    answers: schema.repositoryResource,
  })
  refresh(
    @CurrentCaller() caller: Caller,
    @Param('repository') nameOrId: string,
    @Query({ schema: schema.inProject }) { project }: InProject,
  ) {
    return this.repositories.refresh(caller, { nameOrId, project });
  }

  @Post(':repository/webhook')
  @Authorize('public')
  @ApiHeader({
    name: 'X-Hub-Signature-256',
    required: false,
    description: 'sha256=<HMAC-SHA256 of the body in hex>',
  })
  @Operation({
    id: 'receiveWebhook',
    summary: 'a push happened; signed with the secret of the repository',
    status: 202,
    answers: schema.webhookAnswer,
    public: true,
  })
  webhook(
    @CurrentPeer() peer: Peer,
    @Param('repository') nameOrId: string,
    @Query({ schema: schema.inProject }) { project }: InProject,
    @Req() request: RawBodyRequest<FastifyRequest>,
  ) {
    const { headers, rawBody: raw = Buffer.alloc(0), body } = request;
    return this.webhooks.receive(peer, { nameOrId, project }, { headers, raw, body });
  }
}
