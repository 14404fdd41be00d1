/** A commit that takes one cluster first. */
import { CHECKOUT, CHECKOUT_FILE, checkoutManifest, inWaves } from '../checkout.ts';
import { followRollout, wentInWaves } from '../rolloutWatch.ts';
import { demoStep, expectation } from '../step.ts';
import type { Tour } from '../tour.ts';

export const canary = demoStep({
  name: 'canary',
  title: 'A new version goes out in waves',
  say: 'Now "checkout" gets a strategy: one canary cluster, a quarter of the others, then the rest. We push version 1.1. A wave starts only when the one before is healthy, and the canary must stay so for a moment.',
  async act(tour) {
    await giveStrategy(tour);
    const commit = await tour.fleet.config.push(() =>
      Promise.resolve({
        message: 'Checkout 1.1',
        files: { [CHECKOUT_FILE]: checkoutManifest({ version: '1.1' }) },
      }),
    );
    tour.note(`pushed commit ${commit.slice(0, 7)} "Checkout 1.1"`);
    const { states, end } = await followRollout(tour, CHECKOUT, commit);
    return { states, end, targets: await tour.settled(CHECKOUT, commit) };
  },
  expect: ({ states, end, targets }) => [
    expectation('the rollout is Completed', end.phase === 'Completed', end),
    expectation(
      'it has waves canary, quarter and rest',
      end.waves.map(({ name }) => name).join() === 'canary,quarter,rest',
      end.waves,
    ),
    expectation('no wave began before the one before it was done', wentInWaves(states), states),
    expectation(
      'the canary was seen under way while nobody else was',
      states.some(
        ({ waves }) => waves[0]?.inFlight === 1 && waves.slice(1).every((wave) => wave.inFlight === 0),
      ),
      states,
    ),
    expectation(
      'every cluster has it',
      targets === end.waves.reduce((sum, wave) => sum + wave.total, 0),
      targets,
    ),
  ],
});

async function giveStrategy({ client, fleet, speed }: Tour): Promise<void> {
  const [first] = fleet.clusters;
  const { spec, version } = await client.applications.get(CHECKOUT);
  if (first !== undefined) await client.applications.replace(CHECKOUT, version, inWaves(spec, first, speed));
}
