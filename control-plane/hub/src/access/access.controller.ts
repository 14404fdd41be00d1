/** `/api-tokens` and `/whoami`. */
import { Body, Controller, Delete, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Authorize } from '../http/authorize.ts';
import { Operation } from '../http/operation.ts';
import { pageQuery, type PageQuery } from '../http/pages.ts';
import { CurrentCaller, type Caller } from '../http/principal.ts';
import * as schema from './access.schema.ts';
import { ApiTokens } from './apiTokens.ts';

@ApiTags('access')
@Controller()
export class AccessController {
  constructor(private readonly tokens: ApiTokens) {}

  @Get('whoami')
  @Authorize('authenticated')
  @Operation({ id: 'whoAmI', summary: 'who the token speaks for', answers: schema.whoami })
  whoAmI(@CurrentCaller() { principal }: Caller): schema.WhoAmI {
    return { kind: principal.actor.kind, id: principal.actor.id, name: principal.name, role: principal.role };
  }

  @Get('api-tokens')
  @Authorize('api-token:read')
  @Operation({
    id: 'listApiTokens',
    summary: 'API tokens, without their secrets',
    answers: schema.apiTokenPage,
  })
  list(@Query({ schema: pageQuery }) query: PageQuery) {
    return this.tokens.list(query);
  }

  @Post('api-tokens')
  @Authorize('api-token:create')
  @Operation({
    id: 'createApiToken',
    summary: 'make an API token',
    status: 201,
    answers: schema.createdApiToken,
  })
  create(@CurrentCaller() caller: Caller, @Body({ schema: schema.newApiToken }) body: schema.NewApiToken) {
    return this.tokens.create(caller, body);
  }

  @Delete('api-tokens/:id')
  @Authorize('api-token:revoke')
  @Operation({ id: 'revokeApiToken', summary: 'it counts no longer, within seconds', status: 204 })
  revoke(@CurrentCaller() caller: Caller, @Param('id') id: string) {
    return this.tokens.revoke(caller, id);
  }
}
