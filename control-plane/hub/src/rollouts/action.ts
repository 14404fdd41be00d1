/** What people ask of an application's rollout, as it comes in. */
import { z } from 'zod';

const cluster = z.string().min(1).max(253).describe('name or id of a cluster that the application is on');
const revision = z.int().min(1);
const reason = z.string().max(500).default('');
const stage = z
  .string()
  .min(1)
  .max(63)
  .optional()
  .describe('of an application with stages; left out: the only one of which it can be asked');

export const rolloutAction = z
  .discriminatedUnion('action', [
    z
      .strictObject({ action: z.literal('start'), revision, stage })
      .describe('moves to this revision, over whatever is open'),
    z.strictObject({ action: z.literal('pause'), reason, stage }),
    z
      .strictObject({ action: z.literal('resume'), stage })
      .describe('accepts the failures so far; gates that failed are checked anew'),
    z.strictObject({ action: z.literal('approve'), wave: z.string().min(1), stage }),
    z
      .strictObject({ action: z.literal('promote'), stage })
      .describe('skips the rest of a soak, or the gates that the next wave waits for'),
    z.strictObject({ action: z.literal('abort'), reason, stage }).describe('moves nothing that was assigned'),
    z
      .strictObject({ action: z.literal('rollback'), reason, stage })
      .describe('back to what was healthy, in waves'),
    z
      .strictObject({
        action: z.literal('promoteStage'),
        stage: z.string().min(1).max(63).describe('that the revision goes on to'),
        revision: revision.optional().describe('completed in the stage before; left out: its candidate'),
      })
      .describe('lets a revision go on to a stage, also before it has soaked'),
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
    z
      .strictObject({ action: z.literal('resumeLane'), stage })
      .describe('accepts failures outside of rollouts'),
    z
      .strictObject({ action: z.literal('confirmDrop'), revision })
      .describe('this revision may drop what it drops'),
    z
      .strictObject({
        action: z.literal('confirmLeaving'),
        targets: z.int().min(1).optional().describe('refused where another number of them leave by now'),
      })
      .describe('the targets that left may go'),
    z
      .strictObject({
        action: z.literal('confirmInventory'),
        targets: z.int().min(1).optional().describe('refused where another number of them ask by now'),
      })
      .describe('clusters may delete again by the inventory that they lost and rebuilt'),
  ])
  .meta({ id: 'RolloutAction' });

export const rolloutActionResult = z
  .object({
    application: z.string(),
    action: z.string(),
    stage: z.string().describe('in which it was done; "" without stages, or where it concerns none'),
    events: z.array(z.string()).describe('what it changed'),
  })
  .meta({ id: 'RolloutActionResult' });

export type RolloutAction = z.output<typeof rolloutAction>;
export type RolloutActionResult = z.output<typeof rolloutActionResult>;
