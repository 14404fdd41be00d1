/** The tests of some crash points: at each the hub is killed, and then the agent, and nothing may be lost. */
import { afterAll, beforeAll, describe, test } from 'vitest';
import { agentKilled, faultAt, faultTimeoutMs, hubKilled } from './faultAt.ts';
import type { Point } from './points.ts';
import { startScene, type Scene } from './scene.ts';

export function killAtEach(points: readonly Point[]): void {
  let scene: Scene;

  beforeAll(async () => {
    scene = await startScene();
  });
  afterAll(async () => {
    await scene?.[Symbol.asyncDispose]();
  });

  describe('crash points', () => {
    // By turns, so that an agent has not yet learnt to wait long for its hub.
    for (const point of points) {
      test(`SIGKILL of the hub at: ${point.name}`, () => faultAt(scene, point, hubKilled), faultTimeoutMs);
      test(
        `SIGKILL of the agent at: ${point.name}`,
        () => faultAt(scene, point, agentKilled),
        faultTimeoutMs,
      );
    }
  });
}
