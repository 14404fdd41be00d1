import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import fc from 'fast-check';
import type { FactBody } from '@flotilla/domain/status/observed';
import { summarize } from '@flotilla/domain/status/summary';
import { Hints } from '../platform/hints.ts';
import { Loggers } from '../platform/logger.ts';
import { Observations } from '../platform/observations.ts';
import { Database } from '../platform/prisma.ts';
import { createTestDatabase, type TestDatabase } from '../platform/testDatabase.fixture.ts';
import { findMiscounted, recount, shownHealthSql, shownSyncSql } from './counters.store.ts';
import { batchOf, seedFleet, stateOf, type SeededFleet } from './fleet.fixture.ts';
import { Ingest } from './ingest.ts';

let test: TestDatabase;
let database: Database;
let hints: Hints;
let observations: Observations;
let ingest: Ingest;
let fleet: SeededFleet;

beforeAll(async () => {
  test = await createTestDatabase();
  database = new Database(test.url, 5);
  hints = new Hints({ url: test.url, logger: new Loggers('silent').for('test') });
  observations = new Observations(database, hints);
  ingest = new Ingest({ observations, debounceMs: 1 });
  fleet = await seedFleet(database, { applications: 2, clusters: 3 });
});

afterAll(async () => {
  await hints.close();
  await database.close();
  await test[Symbol.asyncDispose]();
});

const one = async <T>(sql: string, params: unknown[] = []): Promise<T> => {
  const [row] = await database.query<T>(sql, params);
  if (!row) throw new Error('no row');
  return row;
};

async function freshTarget() {
  const seeded = await seedFleet(database, { applications: 1, clusters: 1 });
  return {
    target: seeded.targetIds[0]![0]!,
    cluster: seeded.clusterIds[0]!,
    application: seeded.applicationIds[0]!,
  };
}

describe('ingest', () => {
  it('commits at once what comes after a silence, and lets what follows wait for company', async () => {
    const [first, second] = [await freshTarget(), await freshTarget()];
    const calm = new Ingest({ observations, debounceMs: 60_000 });
    await calm.ingest(first.cluster, 1n, batchOf({ states: [stateOf(first.target)] }));
    // Its flush has ended as well: what comes while one runs goes with the next at once.
    await new Promise(setImmediate);
    let isAcked = false;
    const waiting = calm.ingest(second.cluster, 1n, batchOf({ states: [stateOf(second.target)] }));
    void waiting.then(() => (isAcked = true));
    await ingest.ingest(first.cluster, 1n, batchOf({ seq: 2n, states: [stateOf(first.target)] }));
    expect(isAcked).toBe(false);
    await calm.drain();
    expect((await waiting).stale).toBe(false);
  });

  it('stores a state once it is acknowledged, with the digest of its bytes', async () => {
    const { target, cluster } = await freshTarget();
    const ack = await ingest.ingest(cluster, 1n, batchOf({ states: [stateOf(target)] }));
    expect(ack).toEqual({ batch: 1n, factNumber: 0n, stale: false });
    const row = await one<{ sync: string; digest: string }>(
      'SELECT * FROM target_observations WHERE target_id = $1',
      [target],
    );
    expect(row.sync).toBe('Synced');
    expect(row.digest).toMatch(/^[0-9a-f]{64}$/);
  });

  it('changes nothing for a stale fence, and says so', async () => {
    const { target, cluster } = await freshTarget();
    await database.query('UPDATE clusters SET fence = 7 WHERE id = $1', [cluster]);
    const fact = { type: 'Overflow', dropped: 1 } as const;
    const stale = batchOf({ fence: 6n, states: [stateOf(target)], facts: [{ number: 1n, fact }] });
    expect((await ingest.ingest(cluster, 6n, stale)).stale).toBe(true);
    expect(await database.query('SELECT 1 FROM target_observations WHERE target_id = $1', [target])).toEqual(
      [],
    );
    expect(await database.query('SELECT 1 FROM target_transitions WHERE cluster_id = $1', [cluster])).toEqual(
      [],
    );
    expect(await database.query('SELECT 1 FROM fact_rings WHERE cluster_id = $1', [cluster])).toEqual([]);
  });

  it('ignores an older seq of the same fence and takes a lower seq of a higher fence', async () => {
    const { target, cluster } = await freshTarget();
    const degraded = stateOf(target, { health: { status: 'Degraded', message: 'x' } });
    await ingest.ingest(cluster, 1n, batchOf({ seq: 5n, states: [stateOf(target)] }));
    await ingest.ingest(cluster, 1n, batchOf({ seq: 4n, states: [degraded] }));
    const health = () =>
      one<{ health: string }>('SELECT health FROM target_observations WHERE target_id = $1', [target]);
    expect((await health()).health).toBe('Healthy');
    await database.query('UPDATE clusters SET fence = 2 WHERE id = $1', [cluster]);
    await ingest.ingest(cluster, 2n, batchOf({ fence: 2n, seq: 1n, states: [degraded] }));
    expect((await health()).health).toBe('Degraded');
  });

  it('takes a flood in flushes of many clusters, and what each cluster says in its order', async () => {
    const seeded = await seedFleet(database, { applications: 4, clusters: 6 });
    const flooded = new Ingest({ observations, debounceMs: 1, itemsMax: 3 });
    const said = seeded.clusterIds.flatMap((cluster, at) =>
      [1n, 2n, 3n].map((seq) => {
        const message = `${cluster} ${seq}`;
        const states = seeded.targetIds.map((targets) =>
          stateOf(targets[at]!, { health: { status: seq === 2n ? 'Degraded' : 'Healthy', message } }),
        );
        return flooded.ingest(cluster, 1n, { ...batchOf({ seq, states }), batch: seq });
      }),
    );
    const acks = await Promise.all(said);
    expect(acks.map(({ batch, stale }) => ({ batch, stale }))).toEqual(
      seeded.clusterIds.flatMap(() => [1n, 2n, 3n].map((batch) => ({ batch, stale: false }))),
    );
    const rows = await database.query<{ cluster_id: string; health_message: string }>(
      'SELECT cluster_id, health_message FROM target_observations WHERE cluster_id = ANY($1::uuid[])',
      [seeded.clusterIds],
    );
    expect(rows).toHaveLength(24);
    for (const row of rows) expect(row).toMatchObject({ health_message: `${row.cluster_id} 3` });
    await flooded.drain();
  });

  it("does not let a cluster speak for another cluster's target", async () => {
    const mine = await freshTarget();
    const other = await freshTarget();
    const fact = { type: 'Removed', target: other.target, assignment: 1, mode: 'delete' } as const;
    const batch = batchOf({ states: [stateOf(other.target)], facts: [{ number: 1n, fact }] });
    expect((await ingest.ingest(mine.cluster, 1n, batch)).factNumber).toBe(1n);
    expect(
      await database.query('SELECT 1 FROM target_observations WHERE target_id = $1', [other.target]),
    ).toEqual([]);
    expect(
      await database.query('SELECT 1 FROM target_transitions WHERE target_id = $1', [other.target]),
    ).toEqual([]);
  });

  it('appends a fact once, however often it is sent, also within one flush', async () => {
    const { target, cluster } = await freshTarget();
    const object = { group: 'apps', kind: 'Deployment', namespace: 'a', name: 'b' };
    const fact: FactBody = { type: 'Drift', target, assignment: 1, object, fields: [], reverted: true };
    const send = () => ingest.ingest(cluster, 1n, batchOf({ facts: [{ number: 1n, fact }] }));
    await Promise.all([send(), send(), send()]);
    expect((await send()).factNumber).toBe(1n);
    const rows = await database.query<{ to: string }>(
      'SELECT "to" FROM target_transitions WHERE target_id = $1',
      [target],
    );
    expect(rows).toEqual([{ to: 'Deployment.apps/a/b' }]);
  });

  it('numbers facts anew with each incarnation', async () => {
    const { target, cluster } = await freshTarget();
    const fact = {
      type: 'Pruned',
      target,
      assignment: 1,
      object: { group: '', kind: 'X', namespace: '', name: 'y' },
      uid: 'u',
    } as const;
    await ingest.ingest(cluster, 1n, batchOf({ facts: [{ number: 9n, fact }] }));
    const ack = await ingest.ingest(
      cluster,
      1n,
      batchOf({ incarnation: '00000000-0000-4000-8000-000000000002', facts: [{ number: 1n, fact }] }),
    );
    expect(ack.factNumber).toBe(1n);
    expect(
      await database.query('SELECT 1 FROM target_transitions WHERE target_id = $1', [target]),
    ).toHaveLength(2);
  });

  it('opens a run when a bundle comes into force, keeps it for the same bundle and closes it for the next one', async () => {
    const { target, cluster } = await freshTarget();
    const applied = (number: bigint, revision: number, bundle: string) => ({
      number,
      fact: { type: 'Applied', target, assignment: revision, fromRevision: null, revision, bundle } as const,
    });
    await ingest.ingest(cluster, 1n, batchOf({ facts: [applied(1n, 1, 'a'), applied(2n, 1, 'a')] }));
    await ingest.ingest(cluster, 1n, batchOf({ facts: [applied(3n, 2, 'b')] }));
    const removed = { type: 'Removed', target, assignment: 3, mode: 'delete' } as const;
    await ingest.ingest(cluster, 1n, batchOf({ facts: [{ number: 4n, fact: removed }] }));
    const runs = await database.query<{ revision_number: number; to_at: Date | null }>(
      'SELECT revision_number, to_at FROM target_runs WHERE target_id = $1 ORDER BY from_at',
      [target],
    );
    expect(runs.map((run) => [run.revision_number, run.to_at !== null])).toEqual([
      [1, true],
      [2, true],
    ]);
  });

  it('leaves out what does not parse, counts it, and keeps the rest of the batch', async () => {
    const { target, cluster } = await freshTarget();
    const onMalformed = vi.fn();
    const strict = new Ingest({ observations, debounceMs: 1, onMalformed });
    const batch = batchOf({ states: [stateOf(target), { ...stateOf(cluster), sync: 'Nonsense' as never }] });
    await strict.ingest(cluster, 1n, batch);
    expect(onMalformed).toHaveBeenCalledWith(cluster, 1);
    expect(
      await database.query('SELECT 1 FROM target_observations WHERE cluster_id = $1', [cluster]),
    ).toHaveLength(1);
  });

  it('stores a message with NUL, which JSON allows and Postgres does not', async () => {
    const { target, cluster } = await freshTarget();
    await ingest.ingest(
      cluster,
      1n,
      batchOf({ states: [stateOf(target, { health: { status: 'Degraded', message: 'a\0b' } })] }),
    );
    const row = await one<{ health_message: string }>(
      'SELECT health_message FROM target_observations WHERE target_id = $1',
      [target],
    );
    expect(row.health_message).toBe('a\ufffdb');
  });

  it('fails a batch alone when only that one cannot be stored', async () => {
    const good = await freshTarget();
    const bad = await freshTarget();
    const tooBig = batchOf({ states: [stateOf(bad.target, { revision: 3_000_000_000 })] });
    const results = await Promise.allSettled([
      ingest.ingest(good.cluster, 1n, batchOf({ states: [stateOf(good.target)] })),
      ingest.ingest(bad.cluster, 1n, tooBig),
    ]);
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected']);
  });

  it('hints the rollout worker after a change and not after a repetition', async () => {
    const { target, cluster, application } = await freshTarget();
    const later = await freshTarget();
    const hinted: string[] = [];
    const off = hints.on('rollout', (ids) => hinted.push(...ids));
    await ingest.ingest(cluster, 1n, batchOf({ seq: 1n, states: [stateOf(target)] }));
    await vi.waitFor(() => expect(hinted).toContain(application));
    await ingest.ingest(cluster, 1n, batchOf({ seq: 2n, states: [stateOf(target)] }));
    await ingest.ingest(later.cluster, 1n, batchOf({ states: [stateOf(later.target)] }));
    await vi.waitFor(() => expect(hinted).toContain(later.application));
    off();
    expect(hinted.filter((id) => id === application)).toHaveLength(1);
  });
});

describe('counters', () => {
  const change = fc.record({
    application: fc.nat(1),
    cluster: fc.nat(2),
    sync: fc.constantFrom('Synced', 'OutOfSync', 'Unknown' as const),
    health: fc.constantFrom('Healthy', 'Progressing', 'Degraded' as const),
    assignment: fc.constantFrom(1, 2),
    event: fc.constantFrom('report', 'report', 'report', 'disconnect', 'connect', 'assign' as const),
  });

  it('equal a recount of what is shown, after any sequence of reports, sessions and assignments', async () => {
    let seq = 100n;
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 12 }), async (changes) => {
        for (const { application, cluster, sync, health, assignment, event } of changes) {
          const target = fleet.targetIds[application]![cluster]!;
          const clusterId = fleet.clusterIds[cluster]!;
          const state = stateOf(target, {
            sync,
            health: { status: health, message: '' },
            assignment,
          } as never);
          seq += 1n;
          if (event === 'report') await ingest.ingest(clusterId, 1n, batchOf({ seq, states: [state] }));
          if (event === 'disconnect')
            await database.query(
              `UPDATE clusters SET last_seen_at = now() - interval '2 minutes' WHERE id = $1`,
              [clusterId],
            );
          if (event === 'connect')
            await database.query('UPDATE clusters SET last_seen_at = now() WHERE id = $1', [clusterId]);
          if (event === 'assign')
            await database.query('UPDATE targets SET assignment = $2 WHERE id = $1', [target, assignment]);
        }
        const miscounted = await findMiscounted(
          { sql: (text, params) => database.query(text, params) },
          1000,
        );
        await observations.write((tx) => recount(tx, miscounted));
        await expectCountersAreTrue();
      }),
      { numRuns: 15 },
    );
  });

  it('forget a target that is gone', async () => {
    const { target, cluster, application } = await freshTarget();
    await ingest.ingest(cluster, 1n, batchOf({ states: [stateOf(target)] }));
    const counted = () =>
      one<{ targets: number; counts: object }>(
        'SELECT targets, counts FROM application_counters WHERE application_id = $1',
        [application],
      );
    expect(await counted()).toEqual({ targets: 1, counts: { 'Synced/Healthy': 1 } });
    await database.query('DELETE FROM targets WHERE id = $1', [target]);
    await observations.write((tx) => recount(tx, [target]));
    expect(await counted()).toEqual({ targets: 0, counts: {} });
  });

  it('count the same as domain/status shows', async () => {
    const rows = await database.query<Record<string, never>>(
      `SELECT t.assignment AS t_assignment, o.assignment, o.sync, o.health, o.fence = c.fence AS fenced,
              c.last_seen_at > now() - interval '90 seconds' AS connected, o.target_id IS NOT NULL AS known,
              ${shownSyncSql} AS shown_sync, ${shownHealthSql} AS shown_health
         FROM targets t JOIN clusters c ON c.id = t.cluster_id LEFT JOIN target_observations o ON o.target_id = t.id`,
    );
    expect(rows.length).toBeGreaterThan(6);
    for (const row of rows as Record<string, never>[]) {
      const summary = summarize({
        assigned: { assignment: Number(row['t_assignment']), revision: 1 },
        observed: row['known']
          ? {
              assignment: Number(row['assignment']),
              sync: row['sync']!,
              health: { status: row['health']!, message: '' },
              operation: null,
              conditions: [],
            }
          : null,
        live: Boolean(row['connected'] && row['fenced']),
        lastSeen: null,
        newestRevision: 1,
        heldBy: '',
      });
      expect([row['shown_sync'], row['shown_health']]).toEqual([summary.sync, summary.health.status]);
    }
  });
});

async function expectCountersAreTrue(): Promise<void> {
  for (const [table, id] of [
    ['application_counters', 'application_id'],
    ['cluster_counters', 'cluster_id'],
  ] as const) {
    const truth = await database.query(
      `SELECT x.${id} AS id, jsonb_object_agg(key, n) AS counts, sum(n)::int AS targets
         FROM (SELECT t.${id}, (${shownSyncSql}) || '/' || (${shownHealthSql}) AS key, count(*)::int AS n
                 FROM targets t JOIN clusters c ON c.id = t.cluster_id
                 LEFT JOIN target_observations o ON o.target_id = t.id GROUP BY 1, 2) x GROUP BY 1 ORDER BY 1`,
    );
    const kept = await database.query(
      `SELECT ${id} AS id, counts, targets FROM ${table} WHERE targets <> 0 ORDER BY 1`,
    );
    expect(kept).toEqual(truth);
  }
  const fleetTruth = await database.query(
    `SELECT (${shownSyncSql}) || '/' || (${shownHealthSql}) AS key, count(*) AS targets
       FROM targets t JOIN clusters c ON c.id = t.cluster_id
       LEFT JOIN target_observations o ON o.target_id = t.id GROUP BY 1 ORDER BY 1`,
  );
  expect(
    await database.query('SELECT key, targets FROM fleet_counters WHERE targets <> 0 ORDER BY 1'),
  ).toEqual(fleetTruth);
}
