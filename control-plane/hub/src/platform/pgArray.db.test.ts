import { afterAll, beforeAll, expect, test } from 'vitest';
import { pgArray, type ElementType } from './pgArray.ts';
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

const id = '0190b5f6-1d2c-7abc-8def-0123456789ab';
const atMs = Date.UTC(1999, 11, 31, 23, 59, 59, 123);
const cases: {
  type: ElementType;
  values: (string | number | bigint | boolean | Uint8Array | null)[];
  text: string[];
}[] = [
  { type: 'bool', values: [true, false], text: ['true', 'false'] },
  { type: 'bytea', values: [Buffer.from([0, 255]), Buffer.alloc(0)], text: ['\\x00ff', '\\x'] },
  { type: 'int8', values: [-1, 2n ** 62n], text: ['-1', '4611686018427387904'] },
  {
    type: 'int8',
    values: [2 ** 32, -(2 ** 40) - 1, 2 ** 53 - 1],
    text: ['4294967296', '-1099511627777', '9007199254740991'],
  },
  { type: 'int4', values: [-7, 7], text: ['-7', '7'] },
  { type: 'float8', values: [-0.5, 1e300], text: ['-0.5', '1e+300'] },
  { type: 'text', values: ['', 'NULL', 'a,"b"\\{}', 'é😀'], text: ['', 'NULL', 'a,"b"\\{}', 'é😀'] },
  { type: 'uuid', values: [id], text: [id] },
  { type: 'jsonb', values: ['{"a":"é"}', Buffer.from('[1]')], text: ['{"a": "é"}', '[1]'] },
  { type: 'timestamptz', values: [atMs], text: ['1999-12-31 23:59:59.123+00'] },
];

test.each(cases)('an array of $type arrives as it was, nulls with it', async ({ type, values, text }) => {
  const rows = await database.query<{ text: string | null }>(
    `SELECT x::text AS text FROM unnest($1::${type}[]) WITH ORDINALITY AS u(x, n) ORDER BY n`,
    [pgArray(type, [...values, null])],
  );
  expect(rows.map((row) => row.text)).toEqual([...text, null]);
});

test('an empty array is one without elements', async () => {
  expect(await database.query('SELECT 1 FROM unnest($1::uuid[]) AS x', [pgArray('uuid', [])])).toEqual([]);
});

test('a number that is no integer is refused and not rounded', () => {
  expect(() => pgArray('int8', [0.5])).toThrow(TypeError);
});

test('what is no UUID is refused and not cut short', () => {
  expect(() => pgArray('uuid', ['0190b5f6'])).toThrow(TypeError);
});
