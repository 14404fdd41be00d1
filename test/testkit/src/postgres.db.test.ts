import { expect, test } from 'vitest';
import { testDatabase } from './postgres.ts';

test('each database is migrated and its own', async () => {
  await using one = await testDatabase();
  await using other = await testDatabase();
  await one.query(`INSERT INTO projects (name, spec, data_key) VALUES ('a', '{}', '\\x00')`);
  expect(await one.query('SELECT name FROM projects')).toEqual([{ name: 'a' }]);
  expect(await other.query('SELECT name FROM projects')).toEqual([]);
});

test('files that start at the same time all get theirs', async () => {
  const databases = await Promise.all(Array.from({ length: 4 }, () => testDatabase()));
  expect(new Set(databases.map((database) => database.name)).size).toBe(4);
  await Promise.all(databases.map((database) => database[Symbol.asyncDispose]()));
});
