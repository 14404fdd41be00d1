/** A change past Git is put back, and told with who made it. */
import { makeDrift } from '../../start/drift.ts';
import { spellShort } from '../../start/screen/text.ts';
import { driftWords } from '../../start/screen/words.ts';
import { CHECKOUT } from '../checkout.ts';
import { demoStep, expectation } from '../step.ts';
import type { Tour } from '../tour.ts';

const manager = 'kubectl-scale';
const withinMs = 5000;

export const drift = demoStep({
  name: 'drift',
  title: 'A change by hand is put back, and it is known whose it was',
  say: 'Somebody scales "checkout" on one cluster with kubectl, past Git. The agent there puts it back at once, and the hub shows who changed which field.',
  async act(tour) {
    const cluster = tour.fleet.clusters[1] ?? tour.fleet.clusters[0]!;
    const { kubeconfig, name } = cluster;
    const place = { kubeconfig, namespace: CHECKOUT, deployment: CHECKOUT };
    const made = await makeDrift({ ...place, manager, timeoutMs: 3 * withinMs });
    tour.note(`${name}: scaled by hand, put back after ${spellShort(made.revertedAfterMs ?? Infinity)}`);
    const told = await toldDrift(tour, name, made.madeAtMs);
    tour.note(`the hub says: ${driftWords(told, made.madeAtMs)}`);
    return { made, told };
  },
  expect: ({ made, told }) => [
    expectation(
      `it was put back within ${withinMs / 1000} s`,
      made.revertedAfterMs !== null && made.revertedAfterMs < withinMs,
      made,
    ),
    expectation(
      `the history says that ${manager} did it`,
      JSON.stringify(told.detail).includes(manager),
      told,
    ),
  ],
});

/** The drift of this cluster that came after `sinceMs`. */
export function toldDrift(tour: Tour, cluster: string, sinceMs: number) {
  return tour.until(`the hub shows the drift of ${cluster}`, async () => {
    const query = { kind: 'Drift', cluster, limit: 5 };
    const { items } = await tour.client.applications.history(CHECKOUT, query);
    const found = items.find(({ at, agentAt }) => Date.parse(agentAt ?? at) >= sinceMs);
    return found === undefined ? { yet: items } : { found };
  });
}
