/**
 * The only way to change a row on somebody's behalf: touched clusters are locked in id order and their generation rises
 * once, the audit event is in the same transaction, hints leave after the commit. A transaction that changed something
 * and audits nothing is an error.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { redactedChanges } from '@flotilla/domain/audit/redact';
import type { Prisma } from '@flotilla/prisma/client/client';
import type pg from 'pg';
import type { HintKind, Hints } from './hints.ts';
import { pgArray } from './pgArray.ts';
import type { Database } from './prisma.ts';
import { transactionRetryMs } from './retryPolicy.ts';

export interface Actor {
  kind: 'user' | 'token' | 'agent' | 'system';
  id: string;
  authMethod: string;
  ip: string | null;
}

export interface AuditRecord {
  /** `application.create` */
  action: string;
  resource: { kind: string; id: string; name: string };
  projectId?: string;
  before?: unknown;
  after?: unknown;
  /** Rollout, wave, commit, digest. */
  reason?: Record<string, unknown>;
  outcome?: 'success' | 'denied';
}

/** What a store needs of a transaction. */
export interface Sql {
  /** int8 is `bigint`, bytea is `Buffer`. */
  sql<T>(text: string, params?: unknown[]): Promise<T[]>;
}

export interface TransactionOptions {
  correlationId?: string;
}

export class UnauditedTransactionError extends Error {
  override readonly name = 'UnauditedTransactionError';
  constructor() {
    super('a transaction changed something and audited nothing');
  }
}

export class TransactionExpiredError extends Error {
  override readonly name = 'TransactionExpiredError';
  constructor() {
    super('the transaction took too long');
  }
}

/** Actor of what the hub does by itself. */
export const systemActor: Actor = { kind: 'system', id: 'hub', authMethod: 'internal', ip: null };

const transactionTimeoutMs = 60_000;
/** Statements are refused this long before Prisma gives the connection back to the pool. */
const expiryMarginMs = 5000;

export class HubTransaction implements Sql {
  readonly client: Prisma.TransactionClient;
  private readonly connection: pg.PoolClient;
  private readonly expiresAtMs = performance.now() + transactionTimeoutMs - expiryMarginMs;
  private readonly records: AuditRecord[] = [];
  private readonly hints: { kind: HintKind; id: string }[] = [];
  private readonly touched = new Map<string, bigint>();
  private unchanged = false;

  constructor(client: Prisma.TransactionClient, connection: pg.PoolClient) {
    this.client = client;
    this.connection = connection;
  }

  /** On the same connection as `client`. int8 is `bigint`, bytea is `Buffer`. */
  async sql<T>(text: string, params: unknown[] = []): Promise<T[]> {
    if (performance.now() > this.expiresAtMs) throw new TransactionExpiredError();
    const result = await this.connection.query(text, params);
    return result.rows as T[];
  }

  /** Postgres's clock, at the start of this transaction. */
  async now(): Promise<Date> {
    const [row] = await this.sql<{ now: Date }>('SELECT now() AS now');
    if (!row) throw new Error('no row from now()');
    return row.now;
  }

  /** Locks these clusters in id order and adds 1 to the generation of each, once a transaction. Unknown ids are left out. */
  async touchClusters(ids: string[]): Promise<Map<string, bigint>> {
    const fresh = [...new Set(ids)].filter((id) => !this.touched.has(id)).toSorted();
    if (fresh.length > 0) {
      const rows = await this.sql<{ id: string; generation: bigint }>(
        `WITH locked AS (SELECT id FROM clusters WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE)
         UPDATE clusters c SET generation = c.generation + 1 FROM locked WHERE c.id = locked.id
         RETURNING c.id, c.generation`,
        [pgArray('uuid', fresh)],
      );
      for (const { id, generation } of rows) {
        this.touched.set(id, generation);
        this.hint('cluster', id);
      }
    }
    const generations = new Map<string, bigint>();
    for (const id of ids) {
      const generation = this.touched.get(id);
      if (generation !== undefined) generations.set(id, generation);
    }
    return generations;
  }

  /** Inserted at the end of the transaction. */
  audit(record: AuditRecord): void {
    this.records.push(record);
  }

  /** Sent after the commit. */
  hint(kind: HintKind, id: string): void {
    this.hints.push({ kind, id });
  }

  /** Says that nothing was changed on anybody's behalf, so that there is nothing to audit. */
  nothingChanged<T>(value: T): T {
    this.unchanged = true;
    return value;
  }

  /** Called by `Transactions` before the commit. */
  async finish(actor: Actor, correlationId: string): Promise<void> {
    if (this.records.length === 0) {
      if (!this.unchanged) throw new UnauditedTransactionError();
      return;
    }
    await this.sql(insertEvents, [
      JSON.stringify(this.records.map((record) => eventOf(actor, record, correlationId))),
    ]);
    this.hint('audit', 'events');
  }

  /** Called by `Transactions` after the commit. */
  sendHints(hints: Hints): void {
    const byKind = Map.groupBy(this.hints, ({ kind }) => kind);
    for (const [kind, items] of byKind) hints.send(kind, [...new Set(items.map(({ id }) => id))]);
  }
}

export class Transactions {
  private readonly database: Database;
  private readonly hints: Hints;

  constructor(database: Database, hints: Hints) {
    this.database = database;
    this.hints = hints;
  }

  /** `fn` may run again after a deadlock: it must have no effect beyond the transaction. */
  async inTransaction<T>(
    actor: Actor,
    fn: (tx: HubTransaction) => Promise<T>,
    options: TransactionOptions = {},
  ): Promise<T> {
    const correlationId = options.correlationId ?? randomUUID();
    for (let tries = 1; ; tries++) {
      try {
        return await this.once(actor, fn, correlationId);
      } catch (error) {
        const waitMs = transactionRetryMs(error, tries, Math.random());
        if (waitMs === null) throw error;
        await sleep(waitMs);
      }
    }
  }

  private async once<T>(
    actor: Actor,
    fn: (tx: HubTransaction) => Promise<T>,
    correlationId: string,
  ): Promise<T> {
    let transaction: HubTransaction | undefined;
    const value = await this.database.inPrismaTransaction(
      transactionTimeoutMs,
      async (client, connection) => {
        transaction = new HubTransaction(client, connection);
        const result = await fn(transaction);
        await transaction.finish(actor, correlationId);
        return result;
      },
    );
    transaction?.sendHints(this.hints);
    return value;
  }
}

const insertEvents = `
  INSERT INTO audit_events (actor_kind, actor_id, auth_method, ip, action, resource_kind, resource_id, resource_name,
    project_id, changes, reason, correlation_id, outcome)
  SELECT actor_kind, actor_id, auth_method, ip, action, resource_kind, resource_id, resource_name,
    project_id, changes, reason, correlation_id, outcome
  FROM jsonb_to_recordset($1::jsonb) AS e(actor_kind text, actor_id text, auth_method text, ip text, action text,
    resource_kind text, resource_id text, resource_name text, project_id uuid, changes jsonb, reason jsonb,
    correlation_id text, outcome text)`;

function eventOf(actor: Actor, record: AuditRecord, correlationId: string): object {
  return {
    actor_kind: actor.kind,
    actor_id: actor.id,
    auth_method: actor.authMethod,
    ip: actor.ip,
    action: record.action,
    resource_kind: record.resource.kind,
    resource_id: record.resource.id,
    resource_name: record.resource.name,
    project_id: record.projectId ?? null,
    changes: redactedChanges(asJson(record.before), asJson(record.after)),
    reason: asJson(record.reason) ?? {},
    correlation_id: correlationId,
    outcome: record.outcome ?? 'success',
  };
}

/** Dates and bigints of a row as JSON has them. */
function asJson(value: unknown): unknown {
  if (value === undefined) return undefined;
  return JSON.parse(
    JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? String(item) : item)),
  );
}
