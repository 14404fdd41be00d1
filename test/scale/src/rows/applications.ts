/**
 * apps: one push to a repository that many applications use, each with a target on the same cluster: from the hub being told
 * until all are assigned the new revision. It shows how cost grows with applications; there is no floor to hold it against.
 */
import { eventually } from '@flotilla/testkit/eventually';
import { timeoutFor, type Bench } from '../bench/bench.ts';
import type { Measured, Row } from '../bench/row.ts';
import { atEachSize } from '../bench/sizes.ts';
import { clusterRows, unchecked } from '../hub/seed.ts';
import { settings, specOf, startWorld, type World } from '../hub/world.ts';

export const row: Row = {
  name: 'apps',
  title: 'one push for many applications',
  run: (bench) => atEachSize(bench.options.applications, (applications) => atSize(bench, applications)),
};

async function atSize(bench: Bench, applications: number): Promise<Measured[]> {
  await using world = await startWorld();
  await unchecked(world, [clusterRows(1, 'apps-', { apps: 'yes' })]);
  for (let number = 0; number < applications; number++) {
    await world.hub().client.applications.create({ name: `app-${number}`, spec: specOf({ apps: 'yes' }) });
  }
  await assigned(world, applications, 1);
  const rounds = await bench.rounds((round) =>
    bench.profiled(`apps-${applications}`, world, round, () => push(world, applications, round)),
  );
  return [
    {
      id: 'apps1',
      what: 'push → all applications assigned',
      n: applications,
      floors: null,
      ours: rounds.map((r) => r.ms),
      unit: 'ms',
      budget: null,
    },
    {
      id: 'apps2',
      what: 'CPU of the hub for it',
      n: applications,
      floors: null,
      ours: rounds.map((r) => r.cpuMs),
      unit: 'ms',
      budget: null,
    },
  ];
}

async function push(
  world: World,
  applications: number,
  round: number,
): Promise<{ ms: number; cpuMs: number }> {
  await world.repository.commit({ files: { 'app/settings.yaml': settings(`apps ${round}`) } });
  const before = await world.probe.read();
  const startMs = performance.now();
  await world.hub().client.repositories.refresh('config');
  await assigned(world, applications, round + 2);
  const ms = performance.now() - startMs;
  const after = await world.probe.read();
  return { ms, cpuMs: after.cpuMs - before.cpuMs };
}

/** Every push makes one more revision of each application. */
async function assigned(world: World, applications: number, revision: number): Promise<void> {
  await eventually(
    `revision ${revision} is assigned everywhere`,
    async () => {
      const [done] = await world.query<{ targets: string }>(
        'SELECT count(*) AS targets FROM targets WHERE revision_number = $1 AND head IS NOT NULL',
        [revision],
      );
      return Number(done?.targets) === applications ? true : ([false, done] as const);
    },
    { timeoutMs: timeoutFor(applications) },
  );
}
