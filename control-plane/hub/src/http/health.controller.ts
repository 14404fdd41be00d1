/** `/healthz`: the process lives. `/readyz`: it can serve: Postgres answers and whatever the roles need is up. */
import { Controller, Get } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { Readiness } from '../platform/readiness.ts';
import { Authorize } from './authorize.ts';
import { Problem } from './problem.ts';

@ApiExcludeController()
@Controller()
@Authorize('public')
export class HealthController {
  constructor(private readonly readiness: Readiness) {}

  @Get('healthz')
  health(): { status: string } {
    return { status: 'ok' };
  }

  @Get('readyz')
  async ready(): Promise<{ status: string }> {
    const missing = await this.readiness.missing();
    if (missing.length > 0) throw new Problem(503, 'not-ready', 'not ready', { detail: missing.join(', ') });
    return { status: 'ok' };
  }
}
