/**
 * What people do to applications. Each write is one transaction: the row, its sources, the audit event; then a hint.
 * Revisions, targets and removal are others' work, asked for by rows: `requested_seq`, `removal`, `sync_request`.
 */
import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { decodeCursor, pageOf, type Page } from '../http/pages.ts';
import { requireVersion } from '../http/etag.ts';
import type { Caller } from '../http/principal.ts';
import { conflict, notFound, Problem, unprocessable } from '../http/problem.ts';
import { HubConfig } from '../platform/config.ts';
import { Database } from '../platform/prisma.ts';
import { Transactions, type HubTransaction, type Sql } from '../platform/transaction.ts';
import type {
  ApplicationList,
  ApplicationResource,
  NewApplication,
  RemovalMode,
  SyncRequest,
  SyncResult,
} from './application.ts';
import { applicationResourceOf } from './applicationResource.ts';
import * as store from './applications.store.ts';
import { findProject } from './projects.store.ts';
import { defaultProject } from './project.ts';
import type { ApplicationSpec } from './spec.ts';
import { stagesOf } from './stageResource.ts';
import { dependencyIssues, issuesOfStages, repositoryIssues } from './specChecks.ts';

/** A name with its project, or an id. */
export interface ApplicationRef {
  nameOrId: string;
  project: string | undefined;
}

@Injectable()
export class Applications {
  constructor(
    private readonly database: Database,
    private readonly transactions: Transactions,
    private readonly config: HubConfig,
  ) {}

  async list(query: ApplicationList): Promise<Page<ApplicationResource>> {
    const { limit, cursor, project = null, health = null } = query;
    const after = decodeCursor(cursor, 2);
    const rows = await store.listApplications(this.database, { project, health, after, limit: limit + 1 });
    const stages = await stagesOf(this.sql(), rows);
    return pageOf(
      rows,
      limit,
      (row) => [row.name, row.id],
      (row) => applicationResourceOf(row, stages.get(row.id)),
    );
  }

  async get(ref: ApplicationRef): Promise<ApplicationResource> {
    return show(this.sql(), ref);
  }

  private sql(): Sql {
    return { sql: (text, params) => this.database.query(text, params) };
  }

  create(caller: Caller, request: NewApplication): Promise<ApplicationResource> {
    return this.transactions.inTransaction(
      caller.actor,
      async (tx) => {
        const project = await findProject(tx.client, request.project);
        if (!project) throw notFound('project');
        const { name, spec } = request;
        const { gatesAllow } = this.config;
        const repositories = await checkedRepositories(tx, { name, spec, project, gatesAllow });
        const id = await store.insertApplication(tx, { projectId: project.id, name, spec });
        if (id === null)
          throw conflict(`there is an application "${name}" in project "${project.name}" already`);
        await this.saveSources(tx, id, spec, repositories);
        const resource = { kind: 'application', id, name };
        tx.audit({ action: 'application.create', resource, projectId: project.id, after: { name, spec } });
        return show(tx, { nameOrId: id, project: undefined });
      },
      caller,
    );
  }

  replace(
    caller: Caller,
    ref: ApplicationRef,
    version: number | null,
    spec: ApplicationSpec,
  ): Promise<ApplicationResource> {
    return this.transactions.inTransaction(
      caller.actor,
      async (tx) => {
        const row = await lock(tx, ref);
        requireVersion(version, row.version);
        if (row.removal !== null) throw conflict(`application "${row.name}" is being removed`);
        const project = { id: row.project_id, name: row.project };
        const { gatesAllow } = this.config;
        const repositories = await checkedRepositories(tx, { name: row.name, spec, project, gatesAllow });
        await store.updateSpec(tx, row.id, spec);
        await this.saveSources(tx, row.id, spec, repositories);
        tx.audit({
          action: 'application.update',
          ...auditOf(row),
          before: { spec: row.spec },
          after: { spec },
        });
        return show(tx, { nameOrId: row.id, project: undefined });
      },
      caller,
    );
  }

  /** Marks it; it goes when its last target has. Asking again with another mode changes the mode. */
  remove(caller: Caller, ref: ApplicationRef, mode: RemovalMode): Promise<ApplicationResource> {
    return this.transactions.inTransaction(
      caller.actor,
      async (tx) => {
        const row = await lock(tx, ref);
        if (row.removal === mode) return tx.nothingChanged(applicationResourceOf(row));
        await store.setRemoval(tx, row.id, mode);
        const before = { removal: row.removal };
        tx.audit({ action: 'application.delete', ...auditOf(row), before, after: { removal: mode } });
        hintAbout(tx, row.id);
        return applicationResourceOf({ ...row, removal: mode });
      },
      caller,
    );
  }

  /** Asks for the waiting rollout to start, or else for the assigned revision to be applied again. */
  sync(caller: Caller, ref: ApplicationRef, request: SyncRequest): Promise<SyncResult> {
    return this.transactions.inTransaction(
      caller.actor,
      async (tx) => {
        const row = await lock(tx, ref);
        if (row.removal !== null) throw conflict(`application "${row.name}" is being removed`);
        const targets = await store.readSyncTargets(tx, row.id);
        const clusters = clustersOf(request, targets);
        const waiting = await store.readWaiting(tx, row.id, clusters);
        const result = syncResultOf(row, waiting, clusters?.length ?? targets.length);
        const by = caller.principal.name;
        const asked = { id: randomUUID(), by, force: request.force, clusters };
        await store.addSyncRequest(tx, row.id, asked);
        tx.audit({
          action: 'application.sync',
          ...auditOf(row),
          reason: { ...request, action: result.action },
        });
        hintAbout(tx, row.id);
        return result;
      },
      caller,
    );
  }

  private async saveSources(
    tx: HubTransaction,
    id: string,
    spec: ApplicationSpec,
    repositoryIds: string[],
  ): Promise<void> {
    await store.replaceSources(tx, id, spec, repositoryIds);
    await store.requestPolls(tx, repositoryIds);
    hintAbout(tx, id);
  }
}

function hintAbout(tx: HubTransaction, id: string): void {
  tx.hint('application', id);
  tx.hint('rollout', id);
  tx.hint('status', id);
}

async function find(db: Sql, ref: ApplicationRef): Promise<store.ApplicationRow> {
  const row = await store.findApplication(db, ref.nameOrId, ref.project ?? defaultProject);
  if (!row) throw notFound('application');
  return row;
}

async function show(db: Sql, ref: ApplicationRef): Promise<ApplicationResource> {
  const row = await find(db, ref);
  return applicationResourceOf(row, (await stagesOf(db, [row])).get(row.id));
}

/** Read again under its lock, so that what is decided on is what is changed. */
async function lock(tx: HubTransaction, ref: ApplicationRef): Promise<store.ApplicationRow> {
  const { id } = await find(tx, ref);
  if (!(await store.lockApplication(tx, id))) throw notFound('application');
  return find(tx, { nameOrId: id, project: undefined });
}

function auditOf(row: store.ApplicationRow) {
  return { resource: { kind: 'application', id: row.id, name: row.name }, projectId: row.project_id };
}

interface Given {
  name: string;
  spec: ApplicationSpec;
  project: { id: string; name: string };
  gatesAllow: readonly string[];
}

/** Ids of the spec's repositories, in order. @throws Problem that names everything that is wrong */
async function checkedRepositories(tx: Sql, given: Given): Promise<string[]> {
  const { name, spec, project, gatesAllow } = given;
  const found = await store.findRepositories(
    tx,
    project.id,
    spec.sources.map((source) => source.repository),
  );
  const issues = [
    ...repositoryIssues(spec, project.name, found),
    ...issuesOfStages(spec.strategy, await store.lockStrategies(tx, project.id), gatesAllow),
    ...dependencyIssues(name, spec, await store.readDependencies(tx, project.id)),
  ];
  if (issues.length > 0) throw unprocessable(`the spec of "${name}" cannot be used`, issues);
  return spec.sources.map((source) => found.get(source.repository) ?? '');
}

/** Null: all. @throws Problem for a cluster that is not a target */
function clustersOf(request: SyncRequest, targets: readonly store.SyncTarget[]): string[] | null {
  if (request.clusters === undefined) return null;
  const known = new Map(
    targets.flatMap((target) => [
      [target.clusterId, target.clusterId] as const,
      [target.clusterName, target.clusterId] as const,
    ]),
  );
  const issues = request.clusters.flatMap((name, at) =>
    known.has(name)
      ? []
      : [{ path: `clusters.${at}`, message: `the application is not on a cluster "${name}"` }],
  );
  if (issues.length > 0)
    throw unprocessable('not all of these clusters are targets of the application', issues);
  return request.clusters.map((name) => known.get(name) ?? '');
}

/** `waiting`: revision of the rollout that it starts; null: it starts none. */
function syncResultOf(row: store.ApplicationRow, waiting: number | null, targets: number): SyncResult {
  if (waiting !== null) {
    const revisionNumber = waiting;
    return { application: row.name, action: 'StartedRollout', revisionNumber, targets };
  }
  if (row.revision_number === 0) throw nothingToSync(row);
  return { application: row.name, action: 'Reapplied', revisionNumber: row.revision_number, targets };
}

function nothingToSync(row: store.ApplicationRow): Problem {
  const [condition] = row.conditions;
  const why = condition ? `${condition.type}: ${condition.message}` : 'its sources have not been read yet';
  return conflict(`application "${row.name}" has no revision to sync: ${why}`);
}
