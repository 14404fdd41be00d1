/** Projects: listed, made, edited; one named `default` exists from the first start on. Each has a data key of its own. */
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { namesIn, stagesOf } from '@flotilla/domain/promotion/parseStages';
import { Injectable } from '@nestjs/common';
import { requireVersion } from '../http/etag.ts';
import { decodeCursor, pageOf, type Page, type PageQuery } from '../http/pages.ts';
import type { Caller } from '../http/principal.ts';
import { conflict, notFound, unprocessable } from '../http/problem.ts';
import { HubConfig } from '../platform/config.ts';
import { DataKeys } from '../platform/dataKeys.ts';
import { Database } from '../platform/prisma.ts';
import { systemActor, Transactions, type HubTransaction } from '../platform/transaction.ts';
import {
  defaultProject,
  projectSpec,
  type NewProject,
  type ProjectPatch,
  type ProjectResource,
  type ProjectSpec,
} from './project.ts';
import * as store from './projects.store.ts';
import { issuesOfStrategy } from './specChecks.ts';

@Injectable()
export class Projects {
  constructor(
    private readonly database: Database,
    private readonly transactions: Transactions,
    private readonly dataKeys: DataKeys,
    private readonly config: HubConfig,
  ) {}

  async list({ limit, cursor }: PageQuery): Promise<Page<ProjectResource>> {
    const after = decodeCursor(cursor, 1)?.[0] ?? null;
    const rows = await store.listProjects(this.database, after, limit + 1);
    return pageOf(rows, limit, (row) => [row.name], resourceOf);
  }

  async get(nameOrId: string): Promise<ProjectResource> {
    const row = await store.findProject(this.database.client, nameOrId);
    if (!row) throw notFound('project');
    return resourceOf(row);
  }

  create(caller: Caller, request: NewProject): Promise<ProjectResource> {
    return this.transactions.inTransaction(
      caller.actor,
      async (tx) => {
        this.requireUsable(request.name, request.spec, []);
        const row = await this.insert(tx, request);
        if (!row) throw conflict(`there is a project "${request.name}" already`);
        return resourceOf(row);
      },
      caller,
    );
  }

  /** What its applications may do is passed on to the agents at once; what is there already is not deleted by it. */
  patch(
    caller: Caller,
    nameOrId: string,
    version: number | null,
    { spec: change }: ProjectPatch,
  ): Promise<ProjectResource> {
    return this.transactions.inTransaction(
      caller.actor,
      async (tx) => {
        const before = await store.lockProject(tx, nameOrId);
        if (!before || !caller.principal.may('project:update', before.id)) throw notFound('project');
        requireVersion(version, before.version);
        const present = projectSpec.parse(before.spec);
        const given = Object.entries(change.allowed ?? {}).filter(([, list]) => list !== undefined);
        const spec = projectSpec.parse({
          allowed: { ...present.allowed, ...Object.fromEntries(given) },
          syncWindows: change.syncWindows ?? present.syncWindows,
          strategies: change.strategies ?? present.strategies,
        });
        if (isDeepStrictEqual(spec, present)) return tx.nothingChanged(resourceOf(before));
        this.requireUsable(before.name, spec, await store.namedStrategiesIn(tx, before.id));
        const after = await store.updateProject(tx, before.id, spec);
        tx.audit({
          action: 'project.update',
          resource: { kind: 'project', id: before.id, name: before.name },
          projectId: before.id,
          before: { spec: present },
          after: { spec },
        });
        for (const id of await store.applicationsOf(tx, before.id)) tx.hint('application', id);
        return resourceOf(after);
      },
      caller,
    );
  }

  /** Each can be used, and every application that goes by a name still has a strategy. */
  private requireUsable(name: string, { strategies }: ProjectSpec, uses: store.NamedStrategyUse[]): void {
    const own = Object.entries(strategies).flatMap(([strategy, written]) =>
      issuesOfStrategy(written, {}, this.config.gatesAllow, `spec.strategies.${strategy}`),
    );
    const used = uses.flatMap(({ application, strategy }) => {
      const parsed = stagesOf(strategy, strategies);
      const path = `spec.strategies.${namesIn(strategy).join(', ')}`;
      const said = parsed.ok ? [] : parsed.problems;
      return said.map(({ message }) => ({
        path,
        message: `application "${application}" uses it: ${message}`,
      }));
    });
    const issues = [...own, ...used];
    if (issues.length > 0) throw unprocessable(`the spec of project "${name}" cannot be used`, issues);
  }

  async ensureDefault(): Promise<void> {
    if (await store.findProject(this.database.client, defaultProject)) return;
    await this.transactions.inTransaction(systemActor, async (tx) => {
      const row = await this.insert(tx, { name: defaultProject, spec: projectSpec.parse({}) });
      if (!row) tx.nothingChanged(null);
    });
  }

  private async insert(tx: HubTransaction, request: NewProject): Promise<store.ProjectRow | null> {
    const id = randomUUID();
    const row = await store.insertProject(tx, { id, ...request, ...this.dataKeys.create(id) });
    if (!row) return null;
    const resource = { kind: 'project', id, name: row.name };
    tx.audit({
      action: 'project.create',
      resource,
      projectId: id,
      after: { name: row.name, spec: row.spec },
    });
    return row;
  }
}

function resourceOf(row: store.ProjectRow): ProjectResource {
  const { id, name, version } = row;
  return { id, name, version, spec: projectSpec.parse(row.spec), createdAt: row.createdAt.toISOString() };
}
