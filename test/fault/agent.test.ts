/** From the snapshot on the agent's volume to the inventory without what is gone: a kill at any point loses nothing. */
import { afterAll, beforeAll, describe, test } from 'vitest';
import { agentKilled, faultAt, faultTimeoutMs, hubKilled } from './src/faultAt.ts';
import { pointsOfAgent } from './src/points.ts';
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
  for (const point of pointsOfAgent) {
    test(`SIGKILL of the hub at: ${point.name}`, () => faultAt(scene, point, hubKilled), faultTimeoutMs);
    test(`SIGKILL of the agent at: ${point.name}`, () => faultAt(scene, point, agentKilled), faultTimeoutMs);
  }
});
