/** With its queues on Redis, a hub that loses all of them rebuilds them from its rows. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startRedis, type Redis } from '@flotilla/testkit/redis';
import { faultAt, faultTimeoutMs, type Fault } from './src/faultAt.ts';
import { pointsOfHub } from './src/points.ts';
import { startScene, type Scene } from './src/scene.ts';

let redis: Redis;
let scene: Scene;

beforeAll(async () => {
  redis = await startRedis();
  scene = await startScene({ hubEnv: { REDIS_URL: redis.url } });
});
afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
  await redis?.[Symbol.asyncDispose]();
});

const points = pointsOfHub.filter(({ name }) =>
  ['webhook stored', 'commit fetched', 'revision stored', 'targets assigned'].includes(name),
);

const flushed: Fault = {
  victim: null,
  strike: async () => expect(await redis.command('FLUSHALL')).toBe('+OK'),
  heal: () => Promise.resolve(),
};

describe('Redis', () => {
  for (const point of points) {
    test(`FLUSHALL at: ${point.name}`, () => faultAt(scene, point, flushed), faultTimeoutMs);
  }
});
