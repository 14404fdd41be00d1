import { expect, test } from 'vitest';
import { startRedis } from './redis.ts';

test('a test gets an empty Redis of its own', async () => {
  await using redis = await startRedis();
  await using other = await startRedis();
  expect(await redis.command('SET', 'key', 'value')).toBe('+OK');
  expect(await redis.command('DBSIZE')).toBe(':1');
  expect(await other.command('DBSIZE')).toBe(':0');
  expect(await redis.command('FLUSHALL')).toBe('+OK');
  expect(await redis.command('DBSIZE')).toBe(':0');
});
