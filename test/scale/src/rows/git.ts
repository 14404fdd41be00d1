/**
 * git: a new commit in a repository of 1,000 files, fetched and every file read, and a look that finds nothing new; both
 * from the request to the hub's committed row, against native Git over the same HTTP server. And what rendering costs where
 * a commit changed none of an application's files.
 */
import { execFile, spawn } from 'node:child_process';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { eventually } from '@flotilla/testkit/eventually';
import type { Measured, Row } from '../bench/row.ts';
import { configMaps } from '../hub/kubeWorld.ts';
import { specOf, type World } from '../hub/world.ts';

const run = promisify(execFile);
const files = 1000;
const budget = 1.5;

export const row: Row = {
  name: 'git',
  title: 'fetching, and finding nothing to fetch',
  run: async (bench) => {
    const world = await bench.world();
    await world.repository.commit({ files: configMaps('many', files, 'first') });
    const sources = [{ repository: 'config', ref: { branch: 'main' }, path: 'many' }];
    const spec = { ...specOf({ nowhere: 'yes' }), sources };
    await world.hub().client.applications.create({ name: 'many', spec });
    await looked(world);
    const native = path.join(world.dir, 'native.git');
    await run('git', ['init', '--quiet', '--bare', native]);
    const rounds = await bench.rounds(async (round) => {
      await world.repository.commit({ files: configMaps('many', files, `round ${round}`) });
      const nativeMs = await nativeFetch(world, native, true);
      const ours = await bench.profiled('git', world, round, () => looked(world));
      return {
        nativeMs,
        ours,
        nativeNoopMs: await nativeFetch(world, native, false),
        noop: await looked(world),
        reused: await reused(world, round),
      };
    });
    const measured: Measured[] = [
      {
        id: 'git1',
        what: 'fetch a commit, read all of its files',
        n: files,
        floors: rounds.map((r) => r.nativeMs),
        ours: rounds.map((r) => r.ours),
        unit: 'ms',
        budget,
      },
      {
        id: 'git2',
        what: 'look, and find nothing new',
        n: files,
        floors: rounds.map((r) => r.nativeNoopMs),
        ours: rounds.map((r) => r.noop),
        unit: 'ms',
        budget,
      },
      {
        id: 'git3',
        what: 'commit elsewhere: revision made → Ready',
        n: files,
        floors: null,
        ours: rounds.map((r) => r.reused),
        unit: 'ms',
        budget: null,
        aim: '≤ 1 ms',
      },
    ];
    return measured;
  },
};

/** From the request to the commit of the row that says that it was looked at. */
async function looked(world: World): Promise<number> {
  const startMs = performance.timeOrigin + performance.now();
  await world.hub().client.repositories.refresh('config');
  const { ms } = await eventually('the repository was looked at', async () => {
    const [found] = await world.query<{ done: boolean; ms: number }>(
      `SELECT polled_seq >= requested_seq AS done,
              (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000)::float8 AS ms FROM repositories`,
    );
    return found?.done === true ? found : false;
  });
  return ms - startMs;
}

/** A commit that changes none of the application's files: its revision takes the bundle of the one before. */
async function reused(world: World, round: number): Promise<number> {
  const commit = await world.repository.commit({ files: { 'elsewhere/note.txt': `round ${round}` } });
  await world.hub().client.repositories.refresh('config');
  const { ms } = await eventually('the revision is ready', async () => {
    const [found] = await world.query<{ ms: number }>(
      `SELECT (extract(epoch FROM pg_xact_commit_timestamp(v.xmin) - r.created_at) * 1000)::float8 AS ms
         FROM revisions r JOIN variants v ON v.revision_id = r.id JOIN applications a ON a.id = r.application_id
        WHERE a.name = 'many' AND r.sources::text LIKE '%' || $1 || '%' AND v.bundle IS NOT NULL`,
      [commit],
    );
    return found ?? false;
  });
  return ms;
}

async function nativeFetch(world: World, gitDir: string, isNew: boolean): Promise<number> {
  const startMs = performance.now();
  const common = ['--git-dir', gitDir];
  if (!isNew) {
    await run('git', [...common, 'ls-remote', world.repositoryUrl, 'refs/heads/main']);
    return performance.now() - startMs;
  }
  await run('git', [
    ...common,
    'fetch',
    '--quiet',
    '--depth',
    '1',
    world.repositoryUrl,
    '+refs/heads/main:refs/heads/main',
  ]);
  const { stdout } = await run('git', [...common, 'ls-tree', '-r', 'main', 'many/']);
  const blobs = stdout.split('\n').flatMap((line) => line.split(/\s+/)[2] ?? []);
  const child = spawn('git', [...common, 'cat-file', '--batch'], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(`${blobs.join('\n')}\n`);
  await text(child.stdout);
  return performance.now() - startMs;
}
