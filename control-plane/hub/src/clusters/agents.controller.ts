/** `/agents`: what an agent asks before it has a stream, or when its certificate expired. Public: token and CSR are the credential. */
import { Body, Controller, Post, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { Enrolment, Pending, Renewal } from '@flotilla/proto/enrolment';
import type { z } from 'zod';
import { Authorize } from '../http/authorize.ts';
import { Operation } from '../http/operation.ts';
import { CurrentPeer, type Peer } from '../http/principal.ts';
import { Problem, tooManyRequests } from '../http/problem.ts';
import * as schema from './clusters.schemas.ts';
import { Enroller } from './enrol.ts';
import { FailureLimit } from './failureLimit.ts';
import { Renewer } from './renew.ts';

@ApiTags('agents')
@Controller('agents')
@Authorize('public')
export class AgentsController {
  private readonly failures = new FailureLimit();

  constructor(
    private readonly enroller: Enroller,
    private readonly renewer: Renewer,
  ) {}

  @Post('enroll')
  @Operation({
    id: 'enrolAgent',
    summary: 'a token and a key become a cluster',
    answers: schema.enrolmentResource,
    public: true,
  })
  enrol(
    @Body({ schema: schema.enrolBody }) body: z.infer<typeof schema.enrolBody>,
    @CurrentPeer() peer: Peer,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Enrolment | Pending> {
    return this.limited(peer, async () => {
      const result = await this.enroller.enrol(body, peer);
      if (result.outcome === 'enrolled') return result.enrolment;
      void reply.code(202);
      return result.pending;
    });
  }

  @Post('renew')
  @Operation({
    id: 'renewAgent',
    summary: 'sign a bound key again',
    answers: schema.renewalResource,
    public: true,
  })
  renew(
    @Body({ schema: schema.renewBody }) body: z.infer<typeof schema.renewBody>,
    @CurrentPeer() peer: Peer,
  ): Promise<Renewal> {
    return this.limited(peer, () => this.renewer.renew(body));
  }

  /** Whoever fails often waits; whoever succeeds never does. */
  private async limited<T>(peer: Peer, fn: () => Promise<T>): Promise<T> {
    if (!this.failures.take(peer.ip, performance.now())) throw tooManyRequests();
    try {
      const value = await fn();
      this.failures.giveBack(peer.ip);
      return value;
    } catch (error) {
      if (!(error instanceof Problem) || error.status >= 500) this.failures.giveBack(peer.ip);
      throw error;
    }
  }
}
