/** A bad commit stays on the canary, and is taken back there. */
import { setTimeout as delay } from 'node:timers/promises';
import { CHECKOUT, CHECKOUT_FILE, checkoutManifest } from '../checkout.ts';
import { followRevision, followRollout } from '../rolloutWatch.ts';
import { demoStep, expectation } from '../step.ts';
import type { Tour } from '../tour.ts';

const lookMs = 200;

export const failure = demoStep({
  name: 'failure',
  title: 'A bad version never gets past the canary',
  say: 'We push version 1.2, whose containers crash. The canary does not get healthy in time, so the rollout is rolled back: the canary returns to version 1.1, and no other cluster ever sees 1.2.',
  async act(tour) {
    const canary = tour.fleet.clusters[0]?.name ?? '';
    const commit = await tour.fleet.config.push(() =>
      Promise.resolve({
        message: 'Checkout 1.2, which crashes',
        files: { [CHECKOUT_FILE]: checkoutManifest({ version: '1.2', isBad: true }) },
      }),
    );
    tour.note(`pushed commit ${commit.slice(0, 7)} "Checkout 1.2, which crashes"`);
    const watching = new AbortController();
    const health = watchHealth(tour, canary, watching.signal);
    const forward = await followRollout(tour, CHECKOUT, commit).finally(() => watching.abort());
    await followRevision(tour, CHECKOUT, forward.revision, 'rollback');
    const back = await backToHealth(tour, canary, forward.revision);
    tour.note(`${canary} is healthy again, at revision ${back.revision}`);
    const reached = await clustersThatRan(tour, forward.revision);
    tour.note(
      `clusters on which revision ${forward.revision} was ever in force: ${reached.join(', ') || 'none'}`,
    );
    const { items } = await tour.client.applications.revisions(CHECKOUT, { limit: 10 });
    const state = items.find(({ number }) => number === forward.revision)?.state;
    return { canary, health: await health, forward, back, reached, state };
  },
  expect: ({ canary, health, forward, back, reached, state }) => [
    expectation('the canary was degraded', health.includes('Degraded'), health),
    expectation('the rollout was rolled back', forward.end.phase === 'RolledBack', forward.end),
    expectation('the canary is back at an earlier revision', back.revision < forward.revision, back),
    expectation(
      'the bad revision was in force on the canary alone',
      reached.every((name) => name === canary),
      reached,
    ),
    expectation(
      'the bad revision is Rejected: nothing starts it again by itself',
      state === 'Rejected',
      state,
    ),
  ],
});

/** Each health of the canary's checkout, in order, until the signal. */
async function watchHealth(tour: Tour, canary: string, signal: AbortSignal): Promise<string[]> {
  const seen: string[] = [];
  while (!signal.aborted) {
    const target = await checkoutOn(tour, canary).catch(() => undefined);
    if (target !== undefined && target.health !== seen.at(-1)) {
      seen.push(target.health);
      if (target.health === 'Degraded') tour.note(`${canary}: ${target.healthMessage || 'Degraded'}`);
    }
    await delay(lookMs, undefined, { signal }).catch(() => undefined);
  }
  return seen;
}

async function checkoutOn({ client }: Tour, cluster: string) {
  return (await client.targets.list({ application: CHECKOUT, cluster })).items[0];
}

function backToHealth(tour: Tour, canary: string, bad: number): Promise<{ revision: number }> {
  return tour.until(`${canary} is healthy at what it had before`, async () => {
    const target = await checkoutOn(tour, canary);
    const revision = target?.observedRevision ?? bad;
    const isBack = target?.live === true && target.health === 'Healthy' && revision < bad;
    return isBack ? { found: { revision } } : { yet: target };
  });
}

async function clustersThatRan({ client }: Tour, revision: number): Promise<string[]> {
  const targets = await Array.fromAsync(client.applications.targets(CHECKOUT, { limit: 500 }));
  const runs = await Promise.all(targets.map(({ id }) => client.targets.history(id)));
  return runs
    .flatMap(({ items }) => items.filter((run) => run.revisionNumber === revision))
    .map((run) => run.cluster);
}
