/** The database: one pool of connections for Prisma and for hand-written SQL. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient } from '@flotilla/prisma/client/client';
import pg from 'pg';

/**
 * A process that is frozen in the middle of a transaction (a paused machine, a cut network) holds its locks: Postgres ends
 * it after this time. Between two statements of a transaction the hub only computes, for a second at most.
 */
const idleInTransactionMs = 15_000;
const int8Oid = 20;
const int8ArrayOid = 1016;

/** Where a transaction finds the connection that Prisma took from the pool for it. */
interface ConnectionSlot {
  connection: pg.PoolClient | null;
}

export class Database {
  readonly pool: pg.Pool;
  readonly client: PrismaClient;
  private readonly slots = new AsyncLocalStorage<ConnectionSlot>();

  constructor(url: string, connectionsMax = 20) {
    this.pool = new pg.Pool({
      connectionString: url,
      max: connectionsMax,
      application_name: 'flotilla-hub',
      connectionTimeoutMillis: 15_000,
      idleTimeoutMillis: 30_000,
      keepAlive: true,
      types: bigintTypes(),
      onConnect: endIdleTransactions,
    });
    // An idle connection that the server closed is replaced by the pool; the event must have a listener all the same.
    this.pool.on('error', () => undefined);
    // So must a connection that is in use: whoever uses it sees its statement fail.
    this.pool.on('connect', (connection) => connection.on('error', () => undefined));
    this.rememberConnections();
    this.client = new PrismaClient({ adapter: new PrismaPg(this.pool) });
  }

  /** Rows of one statement outside of any transaction. int8 is `bigint`, timestamps are `Date`, bytea is `Buffer`. */
  async query<T>(sql: string, params: unknown[] = []): Promise<T[]> {
    const result = await this.pool.query(sql, params);
    return result.rows as T[];
  }

  /** Runs `fn` in a Prisma transaction and gives it the very connection, since hand-written SQL must share it. */
  inPrismaTransaction<T>(
    timeoutMs: number,
    fn: (
      client: Parameters<Parameters<PrismaClient['$transaction']>[0]>[0],
      connection: pg.PoolClient,
    ) => Promise<T>,
  ): Promise<T> {
    const slot: ConnectionSlot = { connection: null };
    return this.slots.run(slot, () =>
      this.client.$transaction(
        async (client) => {
          const { connection } = slot;
          if (connection === null) throw new Error('the transaction has no connection');
          return this.slots.exit(() => fn(client, connection));
        },
        { maxWait: 15_000, timeout: timeoutMs },
      ),
    );
  }

  async close(): Promise<void> {
    await this.client.$disconnect();
    await this.pool.end();
  }

  /** Prisma opens its transaction by `pool.connect()`: what that returns inside `inPrismaTransaction` is kept. */
  private rememberConnections(): void {
    const connect = this.pool.connect.bind(this.pool) as () => Promise<pg.PoolClient>;
    const { slots } = this;
    async function connectAndRemember(): Promise<pg.PoolClient> {
      const connection = await connect();
      const slot = slots.getStore();
      if (slot) slot.connection = connection;
      return connection;
    }
    const original = this.pool.connect;
    this.pool.connect = function (this: pg.Pool, callback?: unknown) {
      return callback === undefined ? connectAndRemember() : original.call(this, callback as never);
    } as typeof this.pool.connect;
  }
}

/** By a statement: poolers refuse start-up parameters that they do not know. */
async function endIdleTransactions(connection: pg.ClientBase): Promise<void> {
  await connection.query(`SET idle_in_transaction_session_timeout = ${idleInTransactionMs}`);
}

/** Counters are int8 and compared as numbers: pg's strings would compare as text. */
function bigintTypes(): pg.CustomTypesConfig {
  const parseArray = pg.types.getTypeParser(int8ArrayOid as never) as (text: string) => string[];
  const getTypeParser = (oid: number, format?: 'text' | 'binary'): unknown => {
    if (format !== 'binary' && oid === int8Oid) return (text: string) => BigInt(text);
    if (format !== 'binary' && oid === int8ArrayOid) return (text: string) => parseArray(text).map(BigInt);
    return pg.types.getTypeParser(oid, format as 'text');
  };
  return { getTypeParser } as pg.CustomTypesConfig;
}
