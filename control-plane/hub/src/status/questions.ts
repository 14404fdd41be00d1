/** The open questions of the fleet. They are answered where the rollout is steered: `confirmDrop`, `confirmLeaving`, `confirmInventory`. */
import { Controller, Get, Injectable, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { dropWords } from '@flotilla/domain/rollout/describe';
import { revisionSummaryOf } from '../applications/applicationResource.ts';
import { Authorize } from '../http/authorize.ts';
import { Operation } from '../http/operation.ts';
import { decodeCursor, pageOf, type Page } from '../http/pages.ts';
import { Database } from '../platform/prisma.ts';
import * as schema from './questions.schema.ts';
import { listQuestions, type QuestionRow } from './questions.store.ts';
import { StatusReader } from './read.ts';

@Injectable()
export class Questions {
  constructor(
    private readonly database: Database,
    private readonly status: StatusReader,
  ) {}

  async list(query: schema.QuestionsQuery): Promise<Page<schema.QuestionResource>> {
    const { applicationId } = await this.status.idsOf(query);
    const after = decodeCursor(query.cursor, 4);
    const rows = await listQuestions(this.database, { applicationId, after, limit: query.limit + 1 });
    const keyOf = (row: QuestionRow) => [row.project, row.application, row.applicationId, row.revision];
    return pageOf(rows, query.limit, keyOf, questionOf);
  }
}

@ApiTags('rollouts')
@Controller('questions')
export class QuestionsController {
  constructor(private readonly questions: Questions) {}

  @Get()
  @Authorize('rollout:read')
  @Operation({
    id: 'listQuestions',
    summary: 'what waits for a person before anything is deleted',
    answers: schema.questionPage,
  })
  list(@Query({ schema: schema.questionsQuery }) query: schema.QuestionsQuery) {
    return this.questions.list(query);
  }
}

function questionOf(row: QuestionRow): schema.QuestionResource {
  const { application, applicationId, project, kind, removal, clusters } = row;
  const isKnown = row.of < Number.MAX_SAFE_INTEGER;
  return {
    application,
    applicationId,
    project,
    kind,
    revision: revisionOf(row),
    count: isKnown ? row.count : null,
    of: isKnown ? row.of : null,
    removal,
    clusters,
    since: row.since.toISOString(),
    message: wordsOf(row),
  };
}

function wordsOf({ kind, revision, count, of, since, objects }: QuestionRow): string {
  if (kind === 'leaving') return `${count} of ${of} targets left the placement`;
  if (kind === 'inventory')
    return `${count} of ${of} clusters lost their inventory and rebuilt it: ${objects ?? 0} objects wait to be deleted`;
  return dropWords({ revision, dropped: count, total: of, sinceMs: since.getTime() });
}

/** Of a revision that is gone meanwhile only the number is known. */
function revisionOf({ kind, revision, revisionState, sources, meta }: QuestionRow) {
  if (kind !== 'drop') return null;
  return revisionSummaryOf({
    number: revision,
    state: revisionState ?? '',
    sources: sources ?? [],
    meta: meta ?? {},
  });
}
