/**
 * Stops a program exactly at a row that it writes, from outside: a trigger of the test's own waits for an advisory lock
 * that the test holds. `commit`: everything of the transaction is done and its COMMIT has come, so that it is durable
 * once the lock is let go, whether or not the program still lives. `row`: the row is being written, and a program that
 * dies there has not committed it.
 */
import pg from 'pg';
import { eventually } from './eventually.ts';

export interface RowStopOptions {
  table: string;
  event: 'INSERT' | 'UPDATE' | 'INSERT OR UPDATE';
  at: 'commit' | 'row';
  /** SQL over NEW and, of an UPDATE, OLD. */
  condition?: string;
}

export interface RowStop {
  /** Resolves when a transaction waits. */
  reached: Promise<unknown>;
  /** Lets it and all later ones pass. */
  release: () => Promise<void>;
}

/** First half of the keys of advisory locks. */
const lockClass = 7062;
const reachedTimeoutMs = 60_000;
let lastKey = 0;

export async function stopAtRow(databaseUrl: string, options: RowStopOptions): Promise<RowStop> {
  lastKey += 1;
  const key = lastKey;
  const name = `row_stop_${key}`;
  const client = new pg.Client({ connectionString: databaseUrl });
  // A Postgres that is stopped meanwhile ends the stop as well.
  client.on('error', () => {});
  await client.connect();
  await client.query(waitFunction);
  await client.query('SELECT pg_advisory_lock($1, $2)', [lockClass, key]);
  await client.query(triggerSql(name, key, options));
  return {
    reached: untilWaiting(client, key, options),
    release: async () => {
      await client.query('SELECT pg_advisory_unlock($1, $2)', [lockClass, key]).catch(() => {});
      await client.query(`DROP TRIGGER IF EXISTS ${name} ON ${options.table}`).catch(() => {});
      await client.end().catch(() => {});
    },
  };
}

function triggerSql(name: string, key: number, { table, event, at, condition = 'true' }: RowStopOptions) {
  const kind = at === 'commit' ? 'CONSTRAINT TRIGGER' : 'TRIGGER';
  const deferral = at === 'commit' ? 'DEFERRABLE INITIALLY DEFERRED' : '';
  return `CREATE ${kind} ${name} AFTER ${event} ON ${table} ${deferral}
    FOR EACH ROW WHEN (${condition}) EXECUTE FUNCTION row_stop_wait(${key})`;
}

/** Shared: what passes does not wait for each other. */
const waitFunction = `
  CREATE OR REPLACE FUNCTION row_stop_wait() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM pg_advisory_xact_lock_shared(${lockClass}, TG_ARGV[0]::int);
    RETURN NULL;
  END $$`;

function untilWaiting(client: pg.Client, key: number, { table, event }: RowStopOptions): Promise<unknown> {
  const reached = eventually(
    `a transaction waits at ${event} of ${table}`,
    async () => {
      const { rows } = await client.query(
        `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND classid = $1 AND objid = $2`,
        [lockClass, key],
      );
      return rows.length > 0;
    },
    { timeoutMs: reachedTimeoutMs },
  );
  reached.catch(() => {});
  return reached;
}
