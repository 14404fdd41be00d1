/** The result on its way back: a kill at any point loses nothing. */
import { afterAll, beforeAll, describe, test } from 'vitest';
import { agentKilled, faultAt, faultTimeoutMs, hubKilled } from './src/faultAt.ts';
import { pointsOfReport } from './src/points.ts';
import { startScene, type Scene } from './src/scene.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await startScene();
});
afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

describe('crash points', () => {
  // By turns, so that an agent has not yet learnt to wait long for its hub.
  for (const point of pointsOfReport) {
    test(`SIGKILL of the hub at: ${point.name}`, () => faultAt(scene, point, hubKilled), faultTimeoutMs);
    test(`SIGKILL of the agent at: ${point.name}`, () => faultAt(scene, point, agentKilled), faultTimeoutMs);
  }
});
