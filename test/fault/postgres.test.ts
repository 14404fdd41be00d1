/** Postgres dies and comes back: what it had committed goes on, and nothing else is believed. */
import { afterAll, beforeAll, describe, test } from 'vitest';
import { startOwnPostgres, type OwnPostgres } from '@flotilla/testkit/ownPostgres';
import { faultAt, faultTimeoutMs, type Fault } from './src/faultAt.ts';
import { pointsOfAgent, pointsOfHub, pointsOfReport } from './src/points.ts';
import { startScene, type Scene } from './src/scene.ts';

let postgres: OwnPostgres;
let scene: Scene;

beforeAll(async () => {
  postgres = await startOwnPostgres();
  scene = await startScene({ database: postgres.database });
});
afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

const points = [...pointsOfHub, ...pointsOfAgent, ...pointsOfReport].filter(({ name }) =>
  ['commit fetched', 'targets assigned', 'before DELETE', 'report committed'].includes(name),
);

const postgresCrashed: Fault = {
  victim: null,
  strike: () => postgres.crash(),
  heal: () => postgres.restart(),
};

describe('Postgres restart', () => {
  for (const point of points) {
    test(`crash of Postgres at: ${point.name}`, () => faultAt(scene, point, postgresCrashed), faultTimeoutMs);
  }
});
