/** From rows to the stages that the API shows with their application. */
import { describeCandidate } from '@flotilla/domain/promotion/describe';
import { outlinesOf, type StageOutline } from '@flotilla/domain/promotion/parseStages';
import type { Sql } from '../platform/transaction.ts';
import type { StageResource } from './application.ts';
import { revisionSummaryOf, type StoredRevision } from './applicationResource.ts';
import type { ApplicationRow } from './applications.store.ts';
import { countsOf, worstOf } from './shown.ts';
import { readStageRevisions, readStages, type StageRolloutRow, type StageRow } from './stages.store.ts';

/** By the id of each application that has any. */
export async function stagesOf(
  db: Sql,
  applications: readonly Pick<ApplicationRow, 'id' | 'spec'>[],
): Promise<Map<string, StageResource[]>> {
  const staged = applications.filter(({ spec }) => outlinesOf(spec.strategy).length > 0);
  if (staged.length === 0) return new Map();
  const rows = await readStages(
    db,
    staged.map(({ id }) => id),
  );
  const wanted = rows.flatMap((row) =>
    numbersIn(row).map((number) => ({ applicationId: row.applicationId, number })),
  );
  const revisions = new Map(
    (await readStageRevisions(db, wanted)).map((row) => [`${row.applicationId}/${row.number}`, row]),
  );
  const byApplication = Map.groupBy(rows, ({ applicationId }) => applicationId);
  return new Map(
    staged.map(({ id, spec }) => [
      id,
      resourcesOf(outlinesOf(spec.strategy), byApplication.get(id) ?? [], (number) =>
        revisions.get(`${id}/${number}`),
      ),
    ]),
  );
}

function numbersIn({ completed, open, waiting, soaking, ready }: StageRow): number[] {
  const numbers = [completed, open?.revision, waiting?.revision, soaking?.revision, ready?.revision];
  return numbers.filter((number) => typeof number === 'number');
}

type Find = (number: number) => StoredRevision | undefined;

function resourcesOf(
  outlines: readonly StageOutline[],
  rows: readonly StageRow[],
  find: Find,
): StageResource[] {
  return outlines.flatMap((outline, at) => {
    const row = rows.find(({ name }) => name === outline.name);
    return row === undefined ? [] : [resourceOf(outline, outlines[at - 1]?.name ?? '', row, find)];
  });
}

function resourceOf(outline: StageOutline, before: string, row: StageRow, find: Find): StageResource {
  const status = countsOf(row.counts ?? {});
  const { soaking, ready } = row;
  const view = describeCandidate({ soaking, ready }, { approval: outline.approval, before });
  return {
    ...outline,
    targets: status.total,
    ...worstOf(status),
    revision: row.completed === null ? null : summaryOf(row.completed, find),
    rollout: rolloutOf(row.open, find),
    waiting: rolloutOf(row.waiting, find),
    candidate: view && {
      revision: summaryOf(view.revision, find),
      state: view.state,
      since: new Date(view.sinceMs).toISOString(),
      until: view.untilMs === null ? null : new Date(view.untilMs).toISOString(),
      message: view.message,
    },
  };
}

function rolloutOf(row: StageRolloutRow | null, find: Find): StageResource['rollout'] {
  if (row === null) return null;
  const { id, revision, kind, phase, phaseReason } = row;
  return { id, revision: summaryOf(revision, find), kind, phase, phaseReason };
}

/** Of a revision that is gone only the number is known. */
function summaryOf(number: number, find: Find) {
  return revisionSummaryOf(find(number) ?? { number, state: '', sources: [], meta: {} });
}
