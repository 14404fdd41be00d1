/**
 * Plans: asked for by a person, one transaction with its audit event; rendering and the clusters are others' work, asked for by
 * the row. A strategy that requires one before its first wave asks in gates/askPlan.ts.
 */
import { parsePlan } from '@flotilla/domain/plan/parse';
import { Injectable } from '@nestjs/common';
import { Applications, type ApplicationRef } from '../../applications/applications.ts';
import { decodeCursor, pageOf, type Page } from '../../http/pages.ts';
import type { Caller } from '../../http/principal.ts';
import { conflict, notFound, unprocessable } from '../../http/problem.ts';
import { DataKeys } from '../../platform/dataKeys.ts';
import { Database } from '../../platform/prisma.ts';
import { Transactions, type Sql } from '../../platform/transaction.ts';
import type {
  NewPlan,
  PlanDiffResource,
  PlanResource,
  PlanResultResource,
  PlanResultsQuery,
  PlanSummary,
  PlansQuery,
} from './plan.schema.ts';
import * as store from './plan.store.ts';
import { planResourceOf, planResultOf, planSummaryOf } from './planResource.ts';

const openMax = 5;

@Injectable()
export class Plans {
  private readonly sql: Sql;

  constructor(
    private readonly applications: Applications,
    private readonly database: Database,
    private readonly dataKeys: DataKeys,
    private readonly transactions: Transactions,
  ) {
    this.sql = { sql: (text, params) => this.database.query(text, params) };
  }

  async create(caller: Caller, ref: ApplicationRef, request: NewPlan): Promise<PlanResource> {
    const { id: applicationId, name, removal } = await this.applications.get(ref);
    if (removal !== null) throw conflict(`application "${name}" is being removed`);
    return this.transactions.inTransaction(
      caller.actor,
      async (tx) => {
        if ((await store.countOpen(tx, applicationId)) >= openMax)
          throw conflict(`${openMax} plans of "${name}" are under way: wait for one of them`);
        const { revision, answerTimeoutMs } = request;
        const repository = await repositoryOf(tx, applicationId, request.repository);
        const createdBy = caller.principal.name;
        const repositoryId = repository.id;
        const planned = { applicationId, revision, repositoryId, answerTimeoutMs, createdBy };
        const id = await store.insertPlan(tx, planned);
        const row = await store.findPlan(tx, applicationId, id);
        if (row === null) throw notFound('plan');
        tx.audit({
          action: 'plan.create',
          resource: { kind: 'plan', id, name: `${name} at ${revision}` },
          projectId: row.projectId,
          reason: { application: applicationId, revision, repository: repository.name },
        });
        tx.hint('plan', id);
        return planResourceOf(row, []);
      },
      caller,
    );
  }

  async list(ref: ApplicationRef, { limit, cursor }: PlansQuery): Promise<Page<PlanSummary>> {
    const { id } = await this.applications.get(ref);
    const [before = null] = decodeCursor(cursor, 1) ?? [];
    const rows = await store.listPlans(this.database, id, before, limit + 1);
    const parts = Map.groupBy(
      await store.readParts(
        this.sql,
        rows.map((row) => row.id),
      ),
      ({ planId }) => planId,
    );
    return pageOf(
      rows,
      limit,
      (row) => [row.id],
      (row) => planSummaryOf(row, parts.get(row.id) ?? []),
    );
  }

  async get(ref: ApplicationRef, id: string): Promise<PlanResource> {
    const row = await this.find(ref, id);
    return planResourceOf(row, await store.readParts(this.sql, [row.id]));
  }

  async results(ref: ApplicationRef, id: string, query: PlanResultsQuery): Promise<Page<PlanResultResource>> {
    const row = await this.find(ref, id);
    const { limit, cursor, state = null, verdict = null, digest = null } = query;
    const after = decodeCursor(cursor, 2);
    const filter = { state, verdict, digest, after, limit: limit + 1 };
    const rows = await store.listResults(this.database, row.id, filter);
    return pageOf(rows, limit, (result) => [result.cluster, result.targetId], planResultOf);
  }

  async diff(ref: ApplicationRef, id: string, digest: string): Promise<PlanDiffResource> {
    const row = await this.find(ref, id);
    const sealed = await store.readDiff(this.database, row.id, digest);
    if (sealed === null) throw notFound('diff');
    const plan = parsePlan(await this.dataKeys.open(row.projectId, 'plan_diffs', digest, sealed));
    if (!plan.ok) throw new Error(`a stored diff is broken: ${plan.reason}`);
    return { digest, ...plan.value };
  }

  private async find(ref: ApplicationRef, id: string): Promise<store.PlanRow> {
    const application = await this.applications.get(ref);
    const row = await store.findPlan(this.sql, application.id, id);
    if (row === null) throw notFound('plan');
    return row;
  }
}

/** @throws Problem where it is none of the application's */
async function repositoryOf(
  tx: Sql,
  applicationId: string,
  nameOrId: string | undefined,
): Promise<{ id: string; name: string }> {
  const own = await store.readSourceRepositories(tx, applicationId);
  const found =
    nameOrId === undefined ? own[0] : own.find(({ id, name }) => id === nameOrId || name === nameOrId);
  if (found !== undefined) return found;
  const names = [...new Set(own.map(({ name }) => `"${name}"`))].join(', ');
  throw unprocessable(`the application has no source in repository "${nameOrId}": it has ${names}`);
}
