/**
 * One worker at a time for a piece of work that takes longer than a transaction should: an advisory lock held by an
 * otherwise empty transaction. It ends with its connection, so a killed worker holds nothing, and an idle transaction
 * that has run nothing holds back no vacuum. Rows decide; the lock only saves double work.
 */
import type { Database } from './prisma.ts';

export type Locked<T> = { held: true; value: T } | { held: false };

/** Runs `fn` when the lock is free; otherwise says at once that somebody else holds it. */
export async function tryLock<T>(database: Database, name: string, fn: () => Promise<T>): Promise<Locked<T>> {
  const connection = await database.pool.connect();
  let broken: Error | undefined;
  try {
    await connection.query('BEGIN');
    const { rows } = await connection.query<{ free: boolean }>(
      'SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS free',
      [name],
    );
    if (rows[0]?.free !== true) return { held: false };
    return { held: true, value: await fn() };
  } finally {
    await connection.query('COMMIT').catch((error: Error) => (broken = error));
    connection.release(broken);
  }
}
