/**
 * Runs the migrations in-process: prisma/migrations over Prisma's own `_prisma_migrations` table, under an advisory lock,
 * each in a transaction. A migration that was changed after it ran is refused.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runMigrations } from 'bullmq';
import pg from 'pg';

export interface Migration {
  name: string;
  sql: string;
  checksum: string;
}

export class MigrationError extends Error {
  override readonly name = 'MigrationError';
  readonly migration: string;

  constructor(migration: string, problem: string, options?: ErrorOptions) {
    super(`migration ${migration} ${problem}`, options);
    this.migration = migration;
  }
}

interface AppliedRow {
  migration_name: string;
  checksum: string;
  finished_at: Date | null;
  rolled_back_at: Date | null;
}

const lockKey = 0x666c6f74;

const createTable = `
  CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
    "id" VARCHAR(36) PRIMARY KEY NOT NULL, "checksum" VARCHAR(64) NOT NULL, "finished_at" TIMESTAMPTZ,
    "migration_name" VARCHAR(255) NOT NULL, "logs" TEXT, "rolled_back_at" TIMESTAMPTZ,
    "started_at" TIMESTAMPTZ NOT NULL DEFAULT now(), "applied_steps_count" INTEGER NOT NULL DEFAULT 0)`;

/** The folder of migrations in a checkout or an image. */
export function defaultMigrationsDir(): string {
  return fileURLToPath(new URL('../../../../prisma/migrations/', import.meta.url));
}

/** Names of the migrations that ran now. @throws MigrationError */
export async function migrate(databaseUrl: string, dir = defaultMigrationsDir()): Promise<string[]> {
  const migrations = await readMigrations(dir);
  const connection = new pg.Client({
    connectionString: databaseUrl,
    application_name: 'flotilla-hub-migrate',
  });
  await connection.connect();
  try {
    await connection.query('SELECT pg_advisory_lock($1)', [lockKey]);
    await connection.query(createTable);
    const pending = pendingOf(migrations, await appliedRows(connection));
    for (const migration of pending) await apply(connection, migration);
    await connection.query('SET client_min_messages = warning');
    await runMigrations(connection);
    return pending.map(({ name }) => name);
  } finally {
    await connection.end();
  }
}

/** Migrations that have not run. @throws MigrationError */
export async function pendingMigrations(
  databaseUrl: string,
  dir = defaultMigrationsDir(),
): Promise<string[]> {
  const connection = new pg.Client({ connectionString: databaseUrl });
  await connection.connect();
  try {
    const [table] = (await connection.query(`SELECT to_regclass('"_prisma_migrations"') AS name`)).rows as {
      name: unknown;
    }[];
    const applied = table?.name === null ? [] : await appliedRows(connection);
    return pendingOf(await readMigrations(dir), applied).map(({ name }) => name);
  } finally {
    await connection.end();
  }
}

async function readMigrations(dir: string): Promise<Migration[]> {
  const entries = await readdir(dir, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  return Promise.all(
    names.toSorted().map(async (name) => {
      const sql = await readFile(join(dir, name, 'migration.sql'), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

async function appliedRows(connection: pg.Client): Promise<AppliedRow[]> {
  const { rows } = await connection.query(
    'SELECT migration_name, checksum, finished_at, rolled_back_at FROM "_prisma_migrations" ORDER BY started_at',
  );
  return rows as AppliedRow[];
}

function pendingOf(migrations: Migration[], rows: AppliedRow[]): Migration[] {
  const applied = new Map(
    rows.filter((row) => row.rolled_back_at === null).map((row) => [row.migration_name, row]),
  );
  for (const { name, checksum } of migrations) {
    const row = applied.get(name);
    if (row && row.finished_at === null) throw new MigrationError(name, 'began and did not end');
    if (row && row.checksum !== checksum) throw new MigrationError(name, 'was changed after it ran');
  }
  return migrations.filter(({ name }) => !applied.has(name));
}

async function apply(connection: pg.Client, { name, sql, checksum }: Migration): Promise<void> {
  await connection.query('BEGIN');
  try {
    await connection.query(sql);
    await connection.query(
      `INSERT INTO "_prisma_migrations" (id, checksum, migration_name, finished_at, applied_steps_count)
       VALUES ($1, $2, $3, clock_timestamp(), 1)`,
      [randomUUID(), checksum, name],
    );
    await connection.query('COMMIT');
  } catch (cause) {
    await connection.query('ROLLBACK');
    throw new MigrationError(name, 'failed', { cause });
  }
}
