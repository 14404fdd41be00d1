/** What people do with clusters: look, label, approve, pause, resume, revoke. */
import { Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { requireVersion } from '../http/etag.ts';
import { decodeCursor, pageOf, type Page } from '../http/pages.ts';
import type { Caller, Permission, Principal } from '../http/principal.ts';
import { conflict, notFound, unprocessable } from '../http/problem.ts';
import { Database } from '../platform/prisma.ts';
import { systemActor, Transactions, type HubTransaction } from '../platform/transaction.ts';
import { outsideTransaction } from './authority.store.ts';
import type { clusterQuery, clusterResource, pauseBody } from './clusters.schemas.ts';
import * as store from './clusters.store.ts';
import { visibleProject } from './scope.ts';
import { findProject } from './tokens.store.ts';

export type ClusterResource = z.infer<typeof clusterResource>;
type State = store.ClusterRow['state'];

interface StateChange {
  verb: string;
  state: State;
  from: readonly State[];
  reason?: string | null;
  pausedUntil?: Date | null;
}

@Injectable()
export class Clusters {
  constructor(
    private readonly database: Database,
    private readonly transactions: Transactions,
  ) {}

  async list({ principal }: Caller, query: z.infer<typeof clusterQuery>): Promise<Page<ClusterResource>> {
    const source = outsideTransaction(this.database);
    const asked =
      query.project === undefined
        ? null
        : visibleProject(principal, await findProject(source, query.project));
    const rows = await store.listClusters(this.database, {
      projectId: asked?.id ?? principal.projectId,
      state: query.state,
      connection: query.connection,
      labels: labelsOf(query.label),
      afterName: decodeCursor(query.cursor, 1)?.[0] ?? null,
      limit: query.limit,
    });
    return pageOf(rows, query.limit, ({ name }) => [name], resourceOf);
  }

  async get({ principal }: Caller, nameOrId: string): Promise<ClusterResource> {
    const row = await store.findCluster(outsideTransaction(this.database), nameOrId);
    return resourceOf(visible(principal, row, 'cluster:read'));
  }

  setLabels(
    caller: Caller,
    nameOrId: string,
    labels: Record<string, string>,
    version: number | null,
  ): Promise<ClusterResource> {
    return this.change(caller, nameOrId, { permission: 'cluster:update', version }, async (tx, before) => {
      await store.setLabels(tx, before.id, labels);
      tx.audit({
        ...subject('cluster.update', before),
        before: { labels: before.labels },
        after: { labels },
      });
    });
  }

  approve(caller: Caller, nameOrId: string, version: number | null): Promise<ClusterResource> {
    return this.changeState(caller, nameOrId, version, {
      verb: 'approve',
      state: 'Active',
      from: ['Pending'],
    });
  }

  pause(
    caller: Caller,
    nameOrId: string,
    { reason, until }: z.infer<typeof pauseBody>,
    version: number | null,
  ): Promise<ClusterResource> {
    const pausedUntil = until === undefined ? null : new Date(until);
    return this.changeState(caller, nameOrId, version, {
      verb: 'pause',
      state: 'Paused',
      from: ['Active', 'Paused'],
      reason,
      pausedUntil,
    });
  }

  resume(caller: Caller, nameOrId: string, version: number | null): Promise<ClusterResource> {
    return this.changeState(caller, nameOrId, version, { verb: 'resume', state: 'Active', from: ['Paused'] });
  }

  /** Its certificates count no longer and its streams are cut within seconds. */
  revoke(
    caller: Caller,
    nameOrId: string,
    reason: string | null,
    version: number | null,
  ): Promise<ClusterResource> {
    const from: State[] = ['Pending', 'Active', 'Paused', 'Quarantined'];
    return this.changeState(caller, nameOrId, version, { verb: 'revoke', state: 'Revoked', from, reason });
  }

  /** Resumes what was paused until now. */
  async resumeDue(): Promise<void> {
    for (const { id } of await store.pausedAndDue(this.database)) {
      await this.transactions.inTransaction(systemActor, async (tx) => {
        await store.lockCluster(tx, id);
        const before = await store.findCluster(tx, id);
        const isDue =
          before?.state === 'Paused' && before.pausedUntil !== null && before.pausedUntil <= (await tx.now());
        if (!before || !isDue) return tx.nothingChanged(undefined);
        await applyState(tx, before, { verb: 'resume', state: 'Active', from: ['Paused'] });
      });
    }
  }

  private changeState(
    caller: Caller,
    nameOrId: string,
    version: number | null,
    change: StateChange,
  ): Promise<ClusterResource> {
    const permission: Permission = `cluster:${change.verb}`;
    return this.change(caller, nameOrId, { permission, version }, async (tx, before) => {
      if (!change.from.includes(before.state)) throw conflict(`the cluster is ${before.state}`);
      const { pausedUntil = null } = change;
      if (pausedUntil !== null && pausedUntil <= (await tx.now()))
        throw unprocessable(`a pause until ${pausedUntil.toISOString()} would have ended already`);
      await applyState(tx, before, change);
    });
  }

  private change(
    caller: Caller,
    nameOrId: string,
    { permission, version }: { permission: Permission; version: number | null },
    fn: (tx: HubTransaction, before: store.ClusterRow) => Promise<void>,
  ): Promise<ClusterResource> {
    return this.transactions.inTransaction(
      caller.actor,
      async (tx) => {
        const { id } = visible(caller.principal, await store.findCluster(tx, nameOrId), permission);
        await store.lockCluster(tx, id);
        const before = visible(caller.principal, await store.findCluster(tx, id), permission);
        requireVersion(version, before.version);
        await fn(tx, before);
        hintAll(tx, id);
        return resourceOf(visible(caller.principal, await store.findCluster(tx, id), permission));
      },
      caller,
    );
  }
}

async function applyState(tx: HubTransaction, before: store.ClusterRow, change: StateChange): Promise<void> {
  const { state, reason = null, pausedUntil = null } = change;
  await store.setState(tx, before.id, { state, reason, pausedUntil });
  tx.audit({
    ...subject(`cluster.${change.verb}`, before),
    before: { state: before.state, reason: before.stateReason, pausedUntil: before.pausedUntil },
    after: { state, reason, pausedUntil },
  });
  hintAll(tx, before.id);
}

/** Sessions look whether they may go on, placement and counters look again. */
function hintAll(tx: HubTransaction, id: string): void {
  for (const kind of ['session', 'cluster', 'status'] as const) tx.hint(kind, id);
}

function subject(action: string, { id, name, projectId }: store.ClusterRow) {
  return { action, resource: { kind: 'cluster', id, name }, projectId };
}

function visible(
  principal: Principal,
  row: store.ClusterRow | null,
  permission: Permission,
): store.ClusterRow {
  if (!row || !principal.may(permission, row.projectId)) throw notFound('cluster');
  return row;
}

function labelsOf(selector: string | undefined): Record<string, string> {
  const pairs = (selector ?? '').split(',').filter((pair) => pair !== '');
  return Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );
}

function resourceOf(row: store.ClusterRow): ClusterResource {
  const { projectId: _, kubeSystemUid: __, counts, ...rest } = row;
  return {
    ...rest,
    pausedUntil: timeOf(row.pausedUntil),
    connectedAt: timeOf(row.connectedAt),
    lastSeenAt: timeOf(row.lastSeenAt),
    acceptedAt: timeOf(row.acceptedAt),
    createdAt: row.createdAt.toISOString(),
    generation: Number(row.generation),
    acceptedGeneration: Number(row.acceptedGeneration),
    status: statusOf(counts),
  };
}

function timeOf(time: Date | null): string | null {
  return time?.toISOString() ?? null;
}

/** Counters are kept by `sync/health`. */
function statusOf(counts: Record<string, number>): ClusterResource['status'] {
  const status: ClusterResource['status'] = { total: 0, sync: {}, health: {} };
  for (const [key, count] of Object.entries(counts)) {
    const [sync = '', health = ''] = key.split('/');
    status.total += count;
    status.sync[sync] = (status.sync[sync] ?? 0) + count;
    status.health[health] = (status.health[health] ?? 0) + count;
  }
  return status;
}
