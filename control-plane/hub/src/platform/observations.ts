/**
 * The second way to change rows, for what agents say of themselves: observations, heartbeats, acks, sessions. Nobody acts
 * on anybody's behalf here, so nothing is audited; what is written must be of the speaking cluster and below its fence.
 * One plain connection, no Prisma: this is the hub's hottest path.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { HintKind, Hints } from './hints.ts';
import type { Database } from './prisma.ts';
import { transactionRetryMs } from './retryPolicy.ts';
import type { Sql } from './transaction.ts';

export class ObservationTransaction implements Sql {
  private readonly connection: pg.PoolClient;
  private readonly hints = new Map<HintKind, Set<string>>();

  constructor(connection: pg.PoolClient) {
    this.connection = connection;
  }

  async sql<T>(text: string, params: unknown[] = []): Promise<T[]> {
    const result = await this.connection.query(text, params);
    return result.rows as T[];
  }

  /** Sent after the commit. */
  hint(kind: HintKind, id: string): void {
    const ids = this.hints.get(kind) ?? new Set();
    this.hints.set(kind, ids.add(id));
  }

  /** Called by `Observations` after the commit. */
  sendHints(hints: Hints): void {
    for (const [kind, ids] of this.hints) hints.send(kind, [...ids]);
  }
}

export class Observations {
  private readonly database: Database;
  private readonly hints: Hints;

  constructor(database: Database, hints: Hints) {
    this.database = database;
    this.hints = hints;
  }

  /** `fn` may run again after a deadlock: it must have no effect beyond the transaction. */
  async write<T>(fn: (tx: ObservationTransaction) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.once(fn);
      } catch (error) {
        const waitMs = transactionRetryMs(error, tries, Math.random());
        if (waitMs === null) throw error;
        await sleep(waitMs);
      }
    }
  }

  private async once<T>(fn: (tx: ObservationTransaction) => Promise<T>): Promise<T> {
    const connection = await this.database.pool.connect();
    const transaction = new ObservationTransaction(connection);
    let broken: Error | undefined;
    try {
      await connection.query('BEGIN');
      const value = await fn(transaction);
      await connection.query('COMMIT');
      transaction.sendHints(this.hints);
      return value;
    } catch (error) {
      await connection.query('ROLLBACK').catch((failure: Error) => (broken = failure));
      throw error;
    } finally {
      connection.release(broken);
    }
  }
}
