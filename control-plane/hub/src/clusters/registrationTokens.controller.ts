/** `/registration-tokens`. */
import { Body, Controller, Delete, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { Authorize } from '../http/authorize.ts';
import { Operation } from '../http/operation.ts';
import { CurrentCaller, type Caller } from '../http/principal.ts';
import * as schema from './clusters.schemas.ts';
import { RegistrationTokens } from './registrationTokens.ts';

@ApiTags('clusters')
@Controller('registration-tokens')
export class RegistrationTokensController {
  constructor(private readonly tokens: RegistrationTokens) {}

  @Get()
  @Authorize('registration-token:read')
  @Operation({
    id: 'listRegistrationTokens',
    summary: 'tokens, without their secrets',
    answers: schema.tokenPage,
  })
  list(
    @CurrentCaller() caller: Caller,
    @Query({ schema: schema.tokenQuery }) query: z.infer<typeof schema.tokenQuery>,
  ) {
    return this.tokens.list(caller, query);
  }

  @Post()
  @Authorize('registration-token:create')
  @Operation({
    id: 'createRegistrationToken',
    summary: 'make a token that lets agents enrol',
    status: 201,
    answers: schema.createdTokenResource,
  })
  create(
    @CurrentCaller() caller: Caller,
    @Body({ schema: schema.createTokenBody }) body: z.infer<typeof schema.createTokenBody>,
  ) {
    return this.tokens.create(caller, body);
  }

  @Delete(':token')
  @Authorize('registration-token:revoke')
  @Operation({ id: 'revokeRegistrationToken', summary: 'it counts no longer', status: 204 })
  revoke(@CurrentCaller() caller: Caller, @Param('token') token: string): Promise<void> {
    return this.tokens.revoke(caller, token);
  }
}
