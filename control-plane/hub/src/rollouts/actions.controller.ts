/** `/applications/{application}/rollout`: decode, call, encode. */
import { Body, Controller, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';

import { Authorize } from '../http/authorize.ts';
import { Operation } from '../http/operation.ts';
import { CurrentCaller, type Caller } from '../http/principal.ts';
import { rolloutAction, rolloutActionResult, type RolloutAction } from './action.ts';
import { RolloutActions } from './actions.ts';

const inProject = z.object({ project: z.string().optional() });

@ApiTags('rollouts')
@Controller('applications')
export class RolloutActionsController {
  constructor(private readonly actions: RolloutActions) {}

  @Post(':application/rollout')
  @Authorize('rollout:act')
  @Operation({
    id: 'actOnRollout',
    summary: 'steer the rollout of an application, or answer what it asks',
    status: 202,
    answers: rolloutActionResult,
  })
  act(
    @CurrentCaller() caller: Caller,
    @Param('application') nameOrId: string,
    @Query({ schema: inProject }) { project }: z.output<typeof inProject>,
    @Body({ schema: rolloutAction }) body: RolloutAction,
  ) {
    return this.actions.act(caller, { nameOrId, project }, body);
  }
}
