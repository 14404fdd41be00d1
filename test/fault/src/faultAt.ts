/** The one runner of all points: a commit on its way, a stop at the point, a fault, its healing, and everything holds. */
import { eventually } from '@flotilla/testkit/eventually';
import { ackedAndNotKept, checkInvariants, InvariantError } from '@flotilla/testkit/invariants';
import type { Point, Stop, Victim } from './points.ts';
import type { Scene } from './scene.ts';

export interface Fault {
  /** Whose requests are lost with it. */
  victim: Victim | null;
  strike: (scene: Scene) => Promise<unknown>;
  heal: (scene: Scene) => Promise<unknown>;
}

export const hubKilled: Fault = {
  victim: 'hub',
  // Agents find a door that opens late in place of none, so that no test waits for their back-off.
  strike: ({ fleet, wire }) => {
    wire.queue();
    return fleet.hub.crash();
  },
  heal: async ({ fleet, wire }) => {
    await fleet.startHub();
    wire.admit();
  },
};

export const agentKilled: Fault = {
  victim: 'agent',
  strike: ({ fleet, cluster }) => fleet.agentOf(cluster).crash(),
  heal: async ({ fleet, cluster }) => {
    const broken = await ackedAndNotKept(fleet, cluster);
    if (broken.length > 0) throw new InvariantError(broken.map((problem) => `M: ${problem}`));
    await fleet.startAgent(cluster);
  },
};

/** Of one test. */
export const faultTimeoutMs = 240_000;
const reachedTimeoutMs = 60_000;

export async function faultAt(scene: Scene, point: Point, fault: Fault): Promise<void> {
  const { fleet, witness } = scene;
  const stop = await point.stop(scene);
  const { commit, removed } = await scene.commit();
  const announced = scene.announce().catch((error: unknown) => error);
  await reachedInTime(point.name, stop);
  await fault.strike(scene);
  await stop.end(fault.victim);
  await announced;
  await fault.heal(scene);
  await fleet.settled('web', commit);
  await checkInvariants(fleet, witness);
  if (!witness.deleted.has(removed)) throw new InvariantError([`P: no DELETE of ${removed} was seen`]);
}

/** @throws EventuallyError that names the point */
async function reachedInTime(name: string, stop: Stop): Promise<void> {
  const arrived = stop.reached.then(() => true);
  arrived.catch(() => undefined);
  const notYet = Promise.resolve(false);
  await eventually(`the point is reached: ${name}`, () => Promise.race([arrived, notYet]), {
    timeoutMs: reachedTimeoutMs,
  });
}
