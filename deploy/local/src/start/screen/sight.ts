/** One look at the whole fleet through the hub's API, in as few requests as it takes. */
import type { FlotillaClient } from '@flotilla/client/client';
import type { Rollout } from '@flotilla/client/rollouts';
import type { Application, Cluster, Target, Transition } from '@flotilla/client/types';

/** With the names that its strategy gives the waves. */
export interface SeenRollout extends Rollout {
  waveNames: readonly string[];
}

export interface FleetSight {
  clusters: readonly Cluster[];
  applications: readonly Application[];
  targets: readonly Target[];
  /** The newest of each application, open or not. */
  rollouts: readonly SeenRollout[];
  /** What agents found changed by others, newest first, of the applications that were asked about. */
  drifts: readonly Transition[];
}

export const nothingSeen: FleetSight = {
  clusters: [],
  applications: [],
  targets: [],
  rollouts: [],
  drifts: [],
};

const pageMax = 500;
const driftsMax = 20;

/** `changed`: ids of the applications of which something may be new; null: all. */
export async function lookAtFleet(
  client: FlotillaClient,
  before: FleetSight,
  changed: ReadonlySet<string> | null,
): Promise<FleetSight> {
  const [clusters, applications, targets] = await Promise.all([
    Array.fromAsync(client.clusters.all({ limit: pageMax })),
    Array.fromAsync(client.applications.all({ limit: pageMax })),
    Array.fromAsync(client.targets.all({ limit: pageMax })),
  ]);
  const asked = applications.filter(({ id }) => changed === null || changed.has(id));
  const [rollouts, drifts] = await Promise.all([
    Promise.all(asked.map(({ name }) => newestRollout(client, name, before))),
    Promise.all(asked.map(({ name }) => driftsOf(client, name))),
  ]);
  const unasked = before.rollouts.filter(({ applicationId }) =>
    applications.some(({ id }) => id === applicationId && !asked.some((other) => other.id === id)),
  );
  return {
    clusters,
    applications,
    targets,
    rollouts: [...unasked, ...rollouts.flat()],
    drifts: drifts.flat(),
  };
}

async function driftsOf(client: FlotillaClient, application: string): Promise<Transition[]> {
  return (await client.applications.history(application, { kind: 'Drift', limit: driftsMax })).items;
}

/** None, or one. The names of its waves never change: they are asked for once. */
async function newestRollout(
  client: FlotillaClient,
  application: string,
  { rollouts }: FleetSight,
): Promise<SeenRollout[]> {
  const [newest] = (await client.applications.rollouts(application, { limit: 1 })).items;
  if (newest === undefined) return [];
  const known = rollouts.find(({ id }) => id === newest.id);
  const waveNames =
    known?.waveNames ??
    waveNamesOf((await client.rollout(newest.id, { events: 0, outcomes: false })).strategy);
  return [{ ...newest, waveNames }];
}

function waveNamesOf({ waves }: Record<string, unknown>): string[] {
  if (!Array.isArray(waves)) return [];
  return waves.map((wave: unknown) => String((wave as { name?: unknown }).name ?? ''));
}
