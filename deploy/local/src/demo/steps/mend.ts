/** The commit that mends a bad one goes everywhere. */
import { CHECKOUT, CHECKOUT_FILE, checkoutManifest } from '../checkout.ts';
import { followRollout, wentInWaves } from '../rolloutWatch.ts';
import { demoStep, expectation } from '../step.ts';

export const mend = demoStep({
  name: 'mend',
  title: 'The next commit mends it',
  say: 'We push version 1.3, which does not crash. It takes the same way, canary first, and reaches the whole fleet.',
  async act(tour) {
    const commit = await tour.fleet.config.push(() =>
      Promise.resolve({
        message: 'Checkout 1.3, mended',
        files: { [CHECKOUT_FILE]: checkoutManifest({ version: '1.3' }) },
      }),
    );
    tour.note(`pushed commit ${commit.slice(0, 7)} "Checkout 1.3, mended"`);
    const { states, end } = await followRollout(tour, CHECKOUT, commit);
    return {
      states,
      end,
      targets: await tour.settled(CHECKOUT, commit),
      clusters: tour.fleet.clusters.length,
    };
  },
  expect: ({ states, end, targets, clusters }) => [
    expectation('the rollout is Completed', end.phase === 'Completed', end),
    expectation('in waves again', wentInWaves(states), states),
    expectation('every cluster has it', targets === clusters, { targets, clusters }),
  ],
});
