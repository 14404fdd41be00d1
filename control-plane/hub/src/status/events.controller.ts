/** `/events`: server-sent events, resumed by Last-Event-ID. */
import { Controller, Get, Headers, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Authorize } from '../http/authorize.ts';
import { Operation } from '../http/operation.ts';
import { Authenticator, type AuthenticatedRequest } from '../http/principal.ts';
import { badRequest } from '../http/problem.ts';
import { Hints } from '../platform/hints.ts';
import { Lifecycle } from '../platform/lifecycle.ts';
import { Database } from '../platform/prisma.ts';
import { streamEvents } from './events.ts';

@ApiTags('events')
@Controller('events')
export class EventsController {
  constructor(
    private readonly database: Database,
    private readonly hints: Hints,
    private readonly lifecycle: Lifecycle,
    private readonly authenticator: Authenticator,
  ) {}

  @Get()
  @Authorize('audit:read')
  @ApiHeader({ name: 'Last-Event-ID', required: false, description: 'resume after this audit event' })
  @Operation({
    id: 'streamEvents',
    summary: '"audit" events in the order of the chain, "status" events that say what to read again',
    stream: true,
  })
  stream(
    @Req() request: AuthenticatedRequest,
    @Res() reply: FastifyReply,
    @Headers('last-event-id') lastEventId?: string,
  ): Promise<void> {
    const { authorization } = request.headers;
    const { ip } = request;
    return streamEvents(reply, {
      database: this.database,
      hints: this.hints,
      lastEventId: seqOf(lastEventId),
      stillAllowed: async () =>
        (await this.authenticator.authenticate({ authorization, ip }))?.may('audit:read') ?? false,
      signal: this.lifecycle.signal,
    });
  }
}

function seqOf(lastEventId: string | undefined): bigint | null {
  if (lastEventId === undefined || lastEventId === '') return null;
  if (!/^\d{1,18}$/.test(lastEventId))
    throw badRequest('Last-Event-ID is not the id of an event of this stream');
  return BigInt(lastEventId);
}
