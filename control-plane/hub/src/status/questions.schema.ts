/** The open questions of the fleet, as the API shows them. */
import { z } from 'zod';
import { removalMode, revisionSummary } from '../applications/application.ts';
import { pageSchema } from '../http/operation.ts';
import { pageQuery } from '../http/pages.ts';

const count = z.int().min(0).nullable();

export const questionResource = z
  .object({
    application: z.string(),
    applicationId: z.uuid(),
    project: z.string(),
    kind: z
      .enum(['drop', 'leaving', 'inventory'])
      .describe(
        'a revision drops many objects; many targets left the placement at once; or clusters lost their inventory and rebuilt it',
      ),
    revision: revisionSummary.nullable().describe('the one that drops; null else'),
    count: count.describe(
      'objects that would go, targets that would leave, or clusters that rebuilt; null: not known',
    ),
    of: count.describe('out of so many'),
    removal: removalMode.nullable().describe('what becomes of the objects of targets that leave'),
    clusters: z
      .array(z.string())
      .describe('that targets would leave, or that rebuilt; the first ones by name, at most 10'),
    since: z.iso.datetime(),
    message: z.string(),
  })
  .meta({ id: 'Question', description: 'what waits for a person, once for the whole fleet' });

export const questionPage = pageSchema('QuestionPage', questionResource);

export const questionsQuery = z.object({
  ...pageQuery.shape,
  application: z.string().optional().describe('name or id'),
  project: z.string().optional().describe('of the application; default: default'),
});

export type QuestionResource = z.output<typeof questionResource>;
export type QuestionsQuery = z.output<typeof questionsQuery>;
