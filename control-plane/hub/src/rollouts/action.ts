/** What people ask of an application's rollout, as it comes in. */
import { z } from 'zod';

const cluster = z.string().min(1).max(253).describe('name or id of a cluster that the application is on');
const revision = z.int().min(1);
const reason = z.string().max(500).default('');

export const rolloutAction = z
  .discriminatedUnion('action', [
    z
      .strictObject({ action: z.literal('start'), revision })
      .describe('moves to this revision, over whatever is open'),
    z.strictObject({ action: z.literal('pause'), reason }),
    z
      .strictObject({ action: z.literal('resume') })
      .describe('accepts the failures so far; gates that failed are checked anew'),
    z.strictObject({ action: z.literal('approve'), wave: z.string().min(1) }),
    z
      .strictObject({ action: z.literal('promote') })
      .describe('skips the rest of a soak, or the gates that the next wave waits for'),
    z.strictObject({ action: z.literal('abort'), reason }).describe('moves nothing that was assigned'),
    z.strictObject({ action: z.literal('rollback'), reason }).describe('back to what was healthy, in waves'),
    z.strictObject({ action: z.literal('retry'), cluster }),
    z.strictObject({ action: z.literal('skip'), cluster, reason }),
    z.strictObject({
      action: z.literal('pin'),
      cluster,
      revision,
      reason,
      expiresAt: z.iso.datetime().nullable().default(null),
    }),
    z.strictObject({ action: z.literal('unpin'), cluster }),
    z.strictObject({ action: z.literal('resumeLane') }).describe('accepts failures outside of rollouts'),
    z
      .strictObject({ action: z.literal('confirmDrop'), revision })
      .describe('this revision may drop what it drops'),
    z
      .strictObject({
        action: z.literal('confirmLeaving'),
        targets: z.int().min(1).optional().describe('refused where another number of them leave by now'),
      })
      .describe('the targets that left may go'),
  ])
  .meta({ id: 'RolloutAction' });

export const rolloutActionResult = z
  .object({
    application: z.string(),
    action: z.string(),
    events: z.array(z.string()).describe('what it changed'),
  })
  .meta({ id: 'RolloutActionResult' });

export type RolloutAction = z.output<typeof rolloutAction>;
export type RolloutActionResult = z.output<typeof rolloutActionResult>;
