/** A commit is everywhere. */
import { CHECKOUT, CHECKOUT_FILE, checkoutManifest, checkoutSpec } from '../checkout.ts';
import { demoStep, expectation } from '../step.ts';

export const push = demoStep({
  name: 'push',
  title: 'A push reaches every cluster',
  say: 'We add an application "checkout" to the fleet and push its first version. Nobody logs in to a cluster: the hub hears of the commit by a webhook, renders it, and hands it to every agent over the stream that the agent dialled out.',
  async act(tour) {
    const commit = await tour.fleet.config.push(() =>
      Promise.resolve({
        message: 'Open the checkout',
        files: { [CHECKOUT_FILE]: checkoutManifest({ version: '1.0' }) },
      }),
    );
    tour.note(`pushed commit ${commit.slice(0, 7)} "Open the checkout"`);
    await tour.client.applications.create({ name: CHECKOUT, spec: checkoutSpec() });
    const targets = await tour.settled(CHECKOUT, commit);
    tour.note(`${CHECKOUT} is Synced and Healthy on ${targets} clusters`);
    return { targets, clusters: tour.fleet.clusters.length };
  },
  expect: ({ targets, clusters }) => [
    expectation('the commit is healthy on every cluster', targets === clusters, { targets, clusters }),
  ],
});
