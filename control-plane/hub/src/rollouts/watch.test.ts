import { expect, test } from 'vitest';

import { Outages } from './outages.ts';
import { Watch } from './watch.ts';

const cluster = (id: string, change: object = {}) => ({
  id,
  projectId: 'p',
  placement: 'x',
  presence: 'here',
  ...change,
});

test('a cluster that only got another generation asks for nothing', () => {
  const watch = new Watch();
  expect([...watch.see([cluster('c')], true).projects]).toEqual(['p']);
  expect(watch.see([cluster('c')], true)).toEqual({ projects: new Set(), clusters: [] });
});

test('labels and state ask for placement, presence for a look, in the own project only', () => {
  const watch = new Watch();
  watch.see([cluster('c'), cluster('d', { projectId: 'q' })], true);
  expect(watch.see([cluster('c', { placement: 'y' })], false)).toEqual({
    projects: new Set(['p']),
    clusters: [],
  });
  expect(watch.see([cluster('c', { placement: 'y', presence: 'gone' })], false)).toEqual({
    projects: new Set(),
    clusters: ['c'],
  });
  expect(watch.see([cluster('c', { placement: 'y', presence: 'gone' })], true).projects).toEqual(
    new Set(['q']),
  );
});

test('applications that are new or changed are placed', () => {
  const watch = new Watch();
  const mark = (id: string, version: string) => ({ id, mark: version });
  expect(watch.seeApplications([mark('a', '1'), mark('b', '1')])).toEqual(new Set(['a', 'b']));
  expect(watch.seeApplications([mark('a', '2'), mark('b', '1')])).toEqual(new Set(['a']));
  expect(watch.seeApplications([mark('a', '2')])).toEqual(new Set());
});

test('silence of all replicas is an outage from the last heartbeat to now, and grows', () => {
  const outages = new Outages();
  outages.observe(null, 100_000);
  outages.observe(90_000, 100_000);
  expect(outages.spans).toEqual([]);
  outages.observe(100_000, 140_000);
  outages.observe(100_000, 150_000);
  outages.observe(151_000, 152_000);
  outages.observe(200_000, 300_000);
  expect(outages.spans).toEqual([
    { fromMs: 100_000, toMs: 150_000 },
    { fromMs: 200_000, toMs: 300_000 },
  ]);
});
