/**
 * For work on Flotilla itself: `dev.ts up` starts three clusters (the first with controllers) and Postgres, prints where
 * they are and stays until it is ended; `dev.ts down` ends it from another shell.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startPostgres } from '../postgres.ts';
import { ensureKubelab } from './build.ts';
import { startLab } from './lab.ts';

const DIR = process.env['FLOTILLA_DEV_DIR'] ?? '/tmp/flotilla-dev';
const PID_FILE = join(DIR, 'pid');

async function up(): Promise<void> {
  const binDir = await ensureKubelab((message) => console.error(message));
  await mkdir(DIR, { recursive: true });
  const stopped = new Promise((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  const names = ['dev-1', 'dev-2', 'dev-3'];
  const clusters = names.map((name, index) => ({ name, controllers: index === 0 }));
  const postgres = await startPostgres({ dir: join(DIR, 'postgres'), fsync: false });
  const lab = await startLab({ binDir, dir: join(DIR, 'kubelab'), clusters, fsync: false });
  await writeFile(PID_FILE, String(process.pid));
  for (const cluster of lab.clusters)
    console.log(`${cluster.name} KUBECONFIG=${cluster.kubeconfig} ${cluster.url}`);
  console.log(`DATABASE_URL=${postgres.url('postgres')}`);
  const alive = setInterval(() => {}, 60_000);
  await stopped;
  clearInterval(alive);
  await lab.stop();
  await postgres.stop();
  await rm(PID_FILE, { force: true });
}

async function down(): Promise<void> {
  process.kill(Number(await readFile(PID_FILE, 'utf8')), 'SIGTERM');
}

await (process.argv[2] === 'down' ? down() : up());
