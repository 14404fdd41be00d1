/**
 * `npm test`: build, start what the tiers need, check, run the tiers, stop everything, and close with one line that
 * counts it all.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pc from 'picocolors';
import { build } from './build.ts';
import { checkSteps } from './check.ts';
import { findLeftovers } from './leftovers.ts';
import { engineVariable, engines, type Engine } from '../run.ts';
import { parseOptions, UsageError, type RunnerOptions } from './options.ts';
import { startServers, type Servers } from './servers.ts';
import { addTotals, closingLine, exitCodeOf, noTotals, runSteps, type Step, type Totals } from './steps.ts';
import { enginesOf, testFilesOf, type Tier } from './tiers.ts';
import { runVitest } from './vitest.ts';

const inCi = process.env['CI'] === 'true';

const buildStep: Step = {
  name: 'build',
  run: async () => {
    await build();
    return { ok: true, detail: '' };
  },
};

function leftoverStep(runFile: string): Step {
  return {
    name: 'no process left over',
    run: async () => {
      const leftovers = await findLeftovers(runFile);
      for (const { pid } of leftovers) process.kill(pid, 'SIGKILL');
      const detail = leftovers.map(({ pid, command }) => `${pid} ${command}`).join('\n');
      return { ok: leftovers.length === 0, detail };
    },
  };
}

function needsClusters(tier: Tier): boolean {
  return tier === 'cluster' || tier === 'fault';
}

async function runTier(tier: Tier, options: RunnerOptions, servers: Servers): Promise<Totals> {
  const files = testFilesOf(tier);
  console.error(pc.bold(`\n${tier}: ${files.length} files`));
  const { run, runFile } = servers;
  return runVitest({ name: tier, files, grep: options.grep, run, runFile, engine: 'real' });
}

/** A part of a tier that needs clusters: its files for one engine. */
interface ClusterPart {
  tier: Tier;
  engine: Engine;
  files: string[];
}

/** The API servers in memory first: those that are built get time. */
function clusterPartsOf({ tiers, engines: wanted }: RunnerOptions): ClusterPart[] {
  const parts = engines
    .filter((engine) => wanted.includes(engine))
    .flatMap((engine) =>
      tiers.filter(needsClusters).map((tier) => {
        const files = testFilesOf(tier).filter((file) => enginesOf(file).includes(engine));
        return { tier, engine, files };
      }),
    );
  return parts.filter(({ files }) => files.length > 0);
}

/** Tests that nobody can run here are skipped aloud; in CI a skip is a failure. */
function skipPart({ tier, engine, files }: ClusterPart, reason: string): Totals {
  console.error(pc.yellow(pc.bold(`\nSKIPPED ${tier} on ${engine} (${files.length} files): ${reason}`)));
  return { ...noTotals, skipped: files.length };
}

async function runPart(part: ClusterPart, options: RunnerOptions, servers: Servers): Promise<Totals> {
  const { tier, engine, files } = part;
  console.error(pc.bold(`\n${tier} on ${engine}: ${files.length} files`));
  const { run, runFile } = servers;
  const totals = await runVitest({
    name: `${tier}-${engine}`,
    files,
    grep: options.grep,
    run,
    runFile,
    engine,
  });
  console.error(pc.bold(`${tier} on ${engine}: ${closingLine(totals)}`));
  return totals;
}

async function runClusterTiers(options: RunnerOptions, servers: Servers): Promise<Totals> {
  let totals = noTotals;
  const parts = clusterPartsOf(options);
  for (const engine of engines) {
    const ofEngine = parts.filter((part) => part.engine === engine);
    if (ofEngine.length === 0) continue;
    const clusters = await servers.startClusters(engine);
    for (const part of ofEngine) {
      const missing = clusters.outcome === 'missing';
      const ran = missing ? skipPart(part, clusters.reason) : await runPart(part, options, servers);
      totals = addTotals(totals, ran);
    }
  }
  return totals;
}

async function runAll(options: RunnerOptions, servers: Servers): Promise<Totals> {
  let totals = noTotals;
  if (options.check) totals = addTotals(totals, await runSteps(checkSteps(servers.postgresUrl)));
  for (const tier of options.tiers.filter((each) => !needsClusters(each))) {
    totals = addTotals(totals, await runTier(tier, options, servers));
  }
  return addTotals(totals, await runClusterTiers(options, servers));
}

/** `asked`: without the steps that every run has. */
async function runTests(options: RunnerOptions): Promise<{ totals: Totals; asked: Totals }> {
  const built = await runSteps([buildStep]);
  if (built.failed > 0) return { totals: built, asked: noTotals };
  const servers = await startServers({ engines: clusterPartsOf(options).map(({ engine }) => engine) });
  let asked = noTotals;
  try {
    asked = await runAll(options, servers);
  } finally {
    await servers[Symbol.asyncDispose]();
  }
  const totals = addTotals(addTotals(built, asked), await runSteps([leftoverStep(servers.runFile)]));
  if (totals.failed === 0) rmSync(servers.run.dir, { recursive: true, force: true });
  else console.error(`logs of this run: ${servers.run.dir}`);
  return { totals, asked };
}

/** What tests and the programs they kill leave in the folder for temporary files goes with the run. */
async function withOwnTemporaryFolder<T>(run: () => Promise<T>): Promise<T> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'flotilla-'));
  process.env['TMPDIR'] = folder;
  try {
    return await run();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2), process.env[engineVariable]);
  const { totals, asked } = await withOwnTemporaryFolder(() => runTests(options));
  // A run in which nothing of what was asked for could run has shown nothing.
  const exitCode = Math.max(exitCodeOf(totals, inCi), exitCodeOf(asked, inCi));
  if (options.json) writeFileSync(options.json, `${JSON.stringify({ ...totals, exitCode })}\n`);
  console.log(closingLine(totals));
  process.exitCode = exitCode;
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 64;
}
