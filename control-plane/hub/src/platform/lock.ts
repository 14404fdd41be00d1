/**
 * One worker at a time for a piece of work that takes longer than a transaction should. All advisory locks of a process
 * are held by one connection of its own, so that slow work takes none from the pool; they end with it, so a killed
 * worker holds nothing, nor does one that is frozen for longer than Postgres lets it be silent. Rows decide: the lock only
 * saves double work, and its loss costs no more than that.
 */
import pg from 'pg';

import type { Logger } from './logger.ts';

export type Locked<T> = { held: true; value: T } | { held: false };

export interface LocksOptions {
  /** Not through a transaction pooler: the locks are the session's. */
  url: string;
  logger: Logger;
  /** How long the process may be silent before its locks go; 15 s where left out. */
  silentMsMax?: number;
}

const defaultSilentMsMax = 15_000;
/** A sign of life goes out this many times in that time. */
const signsOfLife = 3;

export class Locks {
  private readonly options: LocksOptions;
  private readonly held = new Set<string>();
  private connection: pg.Client | null = null;
  /** One statement at a time. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(options: LocksOptions) {
    this.options = options;
  }

  /** Runs `fn` when the lock is free; otherwise says at once that somebody else holds it. */
  async tryLock<T>(name: string, fn: () => Promise<T>): Promise<Locked<T>> {
    // The session's own locks can be taken again by the session: within the process this set is the lock.
    if (this.held.has(name)) return { held: false };
    this.held.add(name);
    try {
      if (!(await this.isFree(name))) return { held: false };
      try {
        return { held: true, value: await fn() };
      } finally {
        await this.release(name);
      }
    } finally {
      this.held.delete(name);
    }
  }

  async close(): Promise<void> {
    const { connection } = this;
    this.connection = null;
    await connection?.end().catch(() => undefined);
  }

  private async isFree(name: string): Promise<boolean> {
    const rows = await this.query<{ free: boolean }>(
      'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS free',
      name,
    );
    return rows[0]?.free === true;
  }

  private async release(name: string): Promise<void> {
    await this.query('SELECT pg_advisory_unlock(hashtextextended($1, 0))', name).catch((error: unknown) => {
      this.options.logger.debug({ err: error }, 'lock went with its connection');
    });
  }

  private query<T>(text: string, name: string): Promise<T[]> {
    return this.inTurn(async () => {
      const connection = (this.connection ??= await this.connect());
      return (await connection.query(text, [name])).rows as T[];
    });
  }

  private inTurn<T>(fn: () => Promise<T>): Promise<T> {
    const result = this.last.then(fn);
    this.last = result.catch(() => undefined);
    return result;
  }

  private async connect(): Promise<pg.Client> {
    const connection = new pg.Client({
      connectionString: this.options.url,
      application_name: 'flotilla-hub-locks',
      keepAlive: true,
      connectionTimeoutMillis: 5000,
    });
    const forget = (): void => {
      if (this.connection === connection) this.connection = null;
    };
    connection.on('error', forget);
    connection.on('end', forget);
    await connection.connect();
    const { silentMsMax = defaultSilentMsMax } = this.options;
    await connection.query(`SET idle_session_timeout = ${silentMsMax}`);
    const life = setInterval(() => this.sayAlive(connection), silentMsMax / signsOfLife).unref();
    connection.once('end', () => clearInterval(life));
    return connection;
  }

  private sayAlive(connection: pg.Client): void {
    const said = this.inTurn(async () => {
      if (this.connection === connection) await connection.query('SELECT 1');
    });
    said.catch((error: unknown) =>
      this.options.logger.debug({ err: error }, 'locks went with their connection'),
    );
  }
}
