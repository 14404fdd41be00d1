import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PgRows, type NamedColumn } from './pgRows.ts';
import { Database } from './prisma.ts';
import { createTestDatabase, type TestDatabase } from './testDatabase.fixture.ts';

let server: TestDatabase;
let database: Database;

beforeAll(async () => {
  server = await createTestDatabase();
  database = new Database(server.url, 2);
});

afterAll(async () => {
  await database.close();
  await server[Symbol.asyncDispose]();
});

interface Row {
  id: number;
  wave: number | null;
  word: string | null;
  detail: string;
  at: number;
  head: Uint8Array;
}

const key: NamedColumn<Row> = { name: 'id', type: 'int4', of: ({ id }) => id };
const columns: NamedColumn<Row>[] = [
  { name: 'wave', type: 'int4', of: ({ wave }) => wave },
  { name: 'word', type: 'text', of: ({ word }) => word ?? undefined },
  { name: 'detail', type: 'jsonb', of: ({ detail }) => detail },
  { name: 'at', type: 'timestamptz', of: ({ at }) => at },
  { name: 'head', type: 'bytea', of: ({ head }) => head },
];

/** From a few kinds or from many, so that columns agree, nearly agree, and differ. */
const words = fc.oneof(
  fc.constantFrom('Assigned', 'Succeeded', '', null),
  fc.stringMatching(/^[a-zé,"{}\\]{0,6}$/),
);
const rowsOf = fc.array(
  fc.record({
    wave: fc.option(fc.integer({ min: 0, max: 2 })),
    word: words,
    detail: fc
      .jsonValue()
      .map((value) => JSON.stringify({ value: JSON.stringify(value).replaceAll('\\u0000', '') })),
    at: fc.constantFrom(0, 1_700_000_000_123),
    head: fc.uint8Array({ maxLength: 4 }),
  }),
  { minLength: 1, maxLength: 30 },
);

test('rows arrive as they were, whether their columns agree, are of a few kinds, or differ', async () => {
  await fc.assert(
    fc.asyncProperty(rowsOf, async (made) => {
      const rows: Row[] = made.map((row, id) => ({ id, ...row }));
      const { sql, params } = new PgRows(rows, key).add(columns.slice(0, 2)).add(columns.slice(2));
      const read = await database.query<Omit<Row, 'at'> & { at: Date }>(
        `SELECT * FROM ${sql} x ORDER BY id`,
        params,
      );
      const seen = read.map((row) => ({ ...row, at: row.at.getTime(), head: new Uint8Array(row.head) }));
      expect(seen).toEqual(rows.map((row) => ({ ...row, detail: JSON.parse(row.detail) as unknown })));
    }),
    { numRuns: 60 },
  );
});

test('what all rows say is sent once, and long text of a few kinds as those few', () => {
  const rows = Array.from({ length: 1000 }, (_, id) => ({
    id,
    wave: 1,
    word: id % 2 ? 'Assigned' : 'Succeeded',
  }));
  const sizes = new PgRows(rows as Row[], key)
    .add(columns.slice(0, 2))
    .params.map(({ byteLength }) => byteLength);
  expect(sizes).toEqual([8020, 28, 8020, 20 + 12 + 13]);
});
