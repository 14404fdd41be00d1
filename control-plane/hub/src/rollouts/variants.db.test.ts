/** Clusters that differ in what a revision reads of them get different bundles; others the same. */
import { parseHead } from '@flotilla/domain/desired/parse';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { readVariantClusters } from '../rendering/variants/variants.store.ts';
import { startGitServer, type TestGitServer } from '../sources/git/gitServer.fixture.ts';
import { eventually, startTestHub, type TestHub } from '../worker.fixture.ts';
import { makeFleet, type Fleet } from '../labelledFleet.fixture.ts';
import { assignedAt, configMap, type Target, reportDone } from '../world.fixture.ts';

let hub: TestHub;
let git: TestGitServer;

beforeAll(async () => {
  git = await startGitServer();
  hub = await startTestHub();
});

afterAll(async () => {
  await hub[Symbol.asyncDispose]();
  await git.close();
});

async function healthy(fleet: Fleet): Promise<void> {
  await reportDone(hub, fleet);
  hub.hint('rollout', fleet.applicationId);
}

function phaseOf(fleet: Fleet, phase: string): Promise<unknown> {
  return eventually(`a rollout that is ${phase}`, async () => {
    await healthy(fleet);
    const [row] = await hub.rows<{ phase: string }>(
      'SELECT phase FROM rollouts WHERE application_id = $1::uuid ORDER BY created_at DESC LIMIT 1',
      [fleet.applicationId],
    );
    return row?.phase === phase;
  });
}

function variantsOf(fleet: Fleet): Promise<{ number: number; reads: object; bundle: string | null }[]> {
  return hub.rows(
    `SELECT r.number, v.reads, v.bundle FROM variants v JOIN revisions r ON r.id = v.revision_id
     WHERE r.application_id = $1::uuid ORDER BY r.number, v.reads::text`,
    [fleet.applicationId],
  );
}

const templated = configMap('web', '{{ cluster.labels.region }}');

test('clusters with different labels get different bundles, those that agree the same one', async () => {
  const fleet = await makeFleet({ hub, git }, { 'app/a.yaml': templated }, {}, [
    { region: 'eu', other: 'a' },
    { region: 'us' },
    { region: 'eu', other: 'b' },
  ]);
  const [eu, us, too] = await assignedAt(fleet, 1);
  expect(too?.bundle).toBe(eu?.bundle);
  expect(us?.bundle).not.toBe(eu?.bundle);
  expect(await variantsOf(fleet)).toEqual([
    { number: 1, reads: { 'cluster.labels.region': 'eu' }, bundle: eu?.bundle },
    { number: 1, reads: { 'cluster.labels.region': 'us' }, bundle: us?.bundle },
  ]);
  expect(parseHead(us!.head!)).toMatchObject({ ok: true, value: { bundle: { digest: us?.bundle } } });
});

test('a changed label that is read is a new assignment at the same revision, in the lane; one that is not read is none', async () => {
  const fleet = await makeFleet({ hub, git }, { 'app/a.yaml': templated }, {}, [
    { region: 'eu' },
    { region: 'us' },
  ]);
  const before = await assignedAt(fleet, 1);
  await phaseOf(fleet, 'Completed');
  await fleet.label(0, { region: 'ap' });
  const moved = await eventually('another bundle', async () => {
    const [target] = await fleet.targets();
    return target?.bundle === before[0]?.bundle ? null : target;
  });
  expect(moved).toMatchObject({ revision_number: 1, assignment: before[0]!.assignment + 1n });
  expect(moved).toMatchObject({ rollout_state: { lane: { revision: 1 } } });
  await healthy(fleet);
  await fleet.label(1, { region: 'us', other: 'x' });
  await fleet.label(0, { region: 'us' });
  const after = await eventually('the variant that is there already', async () => {
    await healthy(fleet);
    const targets = await fleet.targets();
    return targets[0]?.bundle === before[1]?.bundle ? targets : null;
  });
  expect(after[1]).toMatchObject({ assignment: before[1]!.assignment, bundle: before[1]!.bundle });
  expect(await variantsOf(fleet)).toHaveLength(3);
  expect(
    await hub.rows('SELECT 1 FROM applications WHERE id = $1::uuid AND variants_wanted <> $2::int[]', [
      fleet.applicationId,
      [],
    ]),
  ).toEqual([]);
});

test('a label that is not defined fails its cluster, which says file, line and label; the others go on', async () => {
  const files = { 'app/a.yaml': `${configMap('first', '1')}---\n${templated}` };
  const strategy = { maxFailures: 1 };
  const fleet = await makeFleet({ hub, git }, files, { strategy }, [{}, { region: 'us' }]);
  await eventually('the other one', async () => (await fleet.targets())[1]?.revision_number === 1);
  const failure = /app\/a\.yaml, document 2, line 13: data\.value: cluster\.labels\.region is not defined/;
  const [outcome] = await eventually('a failed outcome', async () => {
    const rows = await hub.rows<{ outcome: string; reason: string; state: { message: string } }>(
      `SELECT outcome, reason, y.state FROM rollout_targets y JOIN rollouts r ON r.id = y.rollout_id
       WHERE r.application_id = $1::uuid AND y.outcome = 'Failed'`,
      [fleet.applicationId],
    );
    return rows.length > 0 ? rows : null;
  });
  expect(outcome).toMatchObject({
    reason: 'render',
    state: { message: expect.stringMatching(failure) as string },
  });
  expect(await fleet.targets()).toMatchObject([{ state: 'Unassigned' }, { revision_number: 1 }]);
  expect(await fleet.conditions()).toMatchObject([
    {
      type: 'VariantError',
      message: expect.stringMatching(
        /^revision 1: on 1 of 2 clusters, .*-0 among them: app\/a\.yaml, document 2/,
      ) as string,
    },
  ]);
  const shown = await hub.api('GET', `/targets?application=${fleet.name}`);
  const { items } = shown.body as { items: { cluster: string; conditions: unknown; reads: unknown }[] };
  expect(items.toSorted((a, b) => (a.cluster < b.cluster ? -1 : 1))).toMatchObject([
    {
      conditions: [{ type: 'RenderError', message: expect.stringMatching(failure) as string }],
      bundle: null,
      reads: {},
    },
    { conditions: [], reads: { 'cluster.labels.region': 'us' } },
  ]);
  await phaseOf(fleet, 'Completed');
  await fleet.label(0, { region: 'eu' });
  await assignedAt(fleet, 1);
  await eventually('no condition', async () => (await fleet.conditions()).length === 0);
});

test('a label that goes leaves the bundle that is there', async () => {
  const fleet = await makeFleet({ hub, git }, { 'app/a.yaml': templated }, {}, [
    { region: 'eu' },
    { region: 'us' },
  ]);
  const before = await assignedAt(fleet, 1);
  await phaseOf(fleet, 'Completed');
  await fleet.label(0, {});
  await eventually('a failure in the lane', async () => {
    const [target] = (await fleet.targets()) as (Target & { rollout_state: { lane?: { reason: string } } })[];
    return target?.rollout_state.lane?.reason === 'render';
  });
  expect(await fleet.targets()).toMatchObject(
    before.map(({ bundle, assignment }) => ({ bundle, assignment })),
  );
});

test('a revision that renders for no cluster fails as a whole, and is rolled out once the labels are there', async () => {
  const fleet = await makeFleet({ hub, git }, { 'app/a.yaml': templated }, {}, [{}, {}]);
  await eventually('a failed revision', async () => (await fleet.revisions())[0]?.state === 'Failed');
  expect(
    await hub.rows('SELECT 1 FROM rollouts WHERE application_id = $1::uuid', [fleet.applicationId]),
  ).toEqual([]);
  await fleet.label(0, { region: 'eu' });
  await fleet.label(1, { region: 'eu' });
  const [one, other] = await assignedAt(fleet, 1);
  expect(one?.bundle).toBe(other?.bundle);
});

test('what is wrong for every cluster is rendered once, and not again for another label', async () => {
  const fleet = await makeFleet({ hub, git }, { 'app/a.yaml': 'kind: [x' }, {}, [{}, {}]);
  await eventually('a failed revision', async () => (await fleet.revisions())[0]?.state === 'Failed');
  await fleet.label(0, { region: 'eu' });
  expect(await variantsOf(fleet)).toEqual([{ number: 1, reads: {}, bundle: null }]);
});

test('a path with a label is a folder of its own, and a joiner gets its own', async () => {
  const files = { 'clusters/eu/a.yaml': configMap('eu', '1'), 'clusters/us/b.yaml': configMap('us', '1') };
  const sources = { path: 'clusters/{{ cluster.labels.region }}' };
  const fleet = await makeFleet({ hub, git }, files, { sources }, [{ region: 'eu' }]);
  const [eu] = await assignedAt(fleet, 1);
  const joiner = await hub.makeCluster(`${fleet.name}-joiner`, {
    fleet: fleet.name.replace('-fleet', ''),
    region: 'us',
  });
  const [, us] = await eventually('the joiner', async () => {
    const targets = await fleet.targets();
    return targets.length === 2 && targets.every(({ bundle }) => bundle !== null) ? targets : null;
  });
  expect(joiner).not.toBe('');
  expect(us).toMatchObject({ revision_number: 1 });
  expect(us?.bundle).not.toBe(eu?.bundle);
  expect(
    await hub.rows('SELECT path FROM application_sources WHERE application_id = $1::uuid', [
      fleet.applicationId,
    ]),
  ).toEqual([{ path: 'clusters' }]);
});

test('an override is another bundle for the clusters it picks, and a changed one a new revision', async () => {
  const overrides = (value: string) => [
    {
      clusters: { selector: { matchLabels: { tier: 'gold' } } },
      patches: [{ target: { kind: 'ConfigMap', name: 'web' }, patch: { data: { value } } }],
    },
  ];
  const files = { 'app/a.yaml': configMap('web', '{{ as it is }}') };
  const spec = { sources: { template: false }, overrides: overrides('gold') };
  const fleet = await makeFleet({ hub, git }, files, spec, [{ tier: 'gold' }, {}]);
  const [gold, plain] = await assignedAt(fleet, 1);
  expect(gold?.bundle).not.toBe(plain?.bundle);
  const { body } = await hub.api('GET', `/applications/${fleet.name}`);
  const { spec: stored } = body as { spec: object };
  const spec2 = { ...stored, overrides: overrides('more') };
  const edited = await hub.api('PUT', `/applications/${fleet.name}`, { spec: spec2 }, { 'if-match': '*' });
  expect(edited).toMatchObject({ status: 200 });
  const [more, same] = await assignedAt(fleet, 2);
  expect(same?.bundle).toBe(plain?.bundle);
  expect(more?.bundle).not.toBe(gold?.bundle);
});

test('a commit that changes none of its files is a revision with the variants of before', async () => {
  const spec = { strategy: { maxFailures: 1 } };
  const fleet = await makeFleet({ hub, git }, { 'app/a.yaml': templated }, spec, [{ region: 'eu' }, {}]);
  await eventually('the first', async () => (await fleet.targets())[0]?.revision_number === 1);
  await fleet.push({ 'elsewhere/y.yaml': configMap('y', '2') });
  await eventually('the second', async () => (await fleet.revisions())[1]?.state === 'Ready');
  const bundles = (await variantsOf(fleet)).map(({ number, bundle }) => ({ number, bundle }));
  expect(bundles.filter(({ number }) => number === 2).map(({ bundle }) => bundle)).toEqual(
    bundles.filter(({ number }) => number === 1).map(({ bundle }) => bundle),
  );
  const [audited] = await hub.rows<{ reason: object }>(
    `SELECT reason FROM audit_events WHERE action = 'variant.render' AND resource_name = $1 || '/2'`,
    [fleet.name],
  );
  expect(audited).toEqual({ reason: { sameAsBefore: 2 } });
});

test('a fact that is read decides as a label does, also when the agent says another', async () => {
  const files = { 'app/a.yaml': configMap('a', '{{ cluster.facts.kubernetes }}') };
  const fleet = await makeFleet({ hub, git }, files, {}, [{}]);
  await eventually('no rendering without it', async () => (await fleet.revisions())[0]?.state === 'Failed');
  const say = async (kubernetes: string, fence: number): Promise<void> => {
    await hub.rows(
      'UPDATE clusters SET facts = $2::jsonb, fence = $3, confirmed_fence = $3 WHERE id = $1::uuid',
      [fleet.clusters[0], JSON.stringify({ kubernetes }), fence],
    );
    hub.hint('session', fleet.clusters[0] ?? '');
  };
  await say('v1.36', 2);
  const [first] = await assignedAt(fleet, 1);
  await phaseOf(fleet, 'Completed');
  await say('v1.37', 3);
  await eventually('another bundle', async () => (await fleet.targets())[0]?.bundle !== first?.bundle);
});

test('a request of which the hint was lost is found by the scan, and answered once', async () => {
  const fleet = await makeFleet({ hub, git }, { 'app/a.yaml': templated }, {}, [{ region: 'eu' }]);
  await assignedAt(fleet, 1);
  await phaseOf(fleet, 'Completed');
  await hub.rows(`UPDATE clusters SET labels = labels || '{"region":"sa"}' WHERE id = $1::uuid`, [
    fleet.clusters[0],
  ]);
  await hub.rows(`UPDATE applications SET variants_wanted = '{1}' WHERE id = $1::uuid`, [
    fleet.applicationId,
  ]);
  await eventually('rendered, and no longer wanted', async () => {
    const [row] = await hub.rows<{ wanted: number[] }>(
      'SELECT variants_wanted AS wanted FROM applications WHERE id = $1::uuid',
      [fleet.applicationId],
    );
    return row?.wanted.length === 0 && (await variantsOf(fleet)).length === 2;
  });
});

test('clusters of an application that was not placed yet are those that it will be placed on', async () => {
  const fleet = await makeFleet({ hub, git }, { 'app/a.yaml': templated }, {}, [{ region: 'eu' }]);
  await assignedAt(fleet, 1);
  const elsewhere = await hub.makeCluster(`${fleet.name}-elsewhere`, { region: 'us' });
  const source = { sql: <T>(text: string, params?: unknown[]) => hub.rows<T>(text, params) };
  const placed = await readVariantClusters(source, fleet.applicationId);
  await hub.rows('UPDATE targets SET state = $2 WHERE application_id = $1::uuid', [
    fleet.applicationId,
    'Removing',
  ]);
  expect(await readVariantClusters(source, fleet.applicationId)).toEqual(placed);
  expect(placed.map(({ id }) => id)).toEqual(fleet.clusters);
  expect(fleet.clusters).not.toContain(elsewhere);
});
