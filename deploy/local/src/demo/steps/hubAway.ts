/** Without a hub the agents go on; when it is back nothing is missing. */
import { makeDrift } from '../../start/drift.ts';
import { spellShort } from '../../start/screen/text.ts';
import { CHECKOUT, CHECKOUT_FILE, checkoutManifest } from '../checkout.ts';
import { demoStep, expectation } from '../step.ts';
import { toldDrift } from './drift.ts';

const manager = 'kubectl-edit';

export const hubAway = demoStep({
  name: 'hub-away',
  title: 'The hub dies, the clusters do not notice',
  say: 'We kill the hub with SIGKILL, as a power cut would. Somebody changes three clusters meanwhile, and somebody pushes a commit. The agents put the changes back without the hub; when it returns it hears of them, and rolls out what was pushed.',
  async act(tour) {
    const { fleet } = tour;
    await fleet.hub().crash();
    tour.note('the hub is dead');
    const drifted = await Promise.all(
      fleet.clusters.slice(-3).map(async ({ name, kubeconfig }) => {
        const place = { kubeconfig, namespace: CHECKOUT, deployment: CHECKOUT };
        return { name, ...(await makeDrift({ ...place, manager, timeoutMs: 15_000 })) };
      }),
    );
    for (const { name, revertedAfterMs } of drifted)
      tour.note(
        `${name}: changed by hand, put back after ${spellShort(revertedAfterMs ?? Infinity)}, without a hub`,
      );
    const commit = await fleet.config.push(() =>
      Promise.resolve({
        message: 'Checkout 1.4, pushed while the hub was away',
        files: { [CHECKOUT_FILE]: checkoutManifest({ version: '1.4' }) },
      }),
    );
    tour.note(`pushed commit ${commit.slice(0, 7)}, of which no hub hears`);
    const isAway = fleet.hub().program.hasExited();
    await fleet.restartHub();
    tour.note('the hub is back');
    const told = await Promise.all(drifted.map(({ name, madeAtMs }) => toldDrift(tour, name, madeAtMs)));
    tour.note(`it has heard of all ${told.length} changes by ${manager}`);
    const targets = await tour.settled(CHECKOUT, commit);
    tour.note(`the commit is healthy on ${targets} clusters`);
    return { drifted, isAway, told, targets, clusters: fleet.clusters.length };
  },
  expect: ({ drifted, isAway, told, targets, clusters }) => [
    expectation(
      'every change was put back while the hub was away',
      isAway && drifted.every(({ revertedAfterMs }) => revertedAfterMs !== null),
      drifted,
    ),
    expectation('the hub heard of each when it was back', told.length === drifted.length, told),
    expectation('what was pushed meanwhile is everywhere', targets === clusters, { targets, clusters }),
  ],
});
