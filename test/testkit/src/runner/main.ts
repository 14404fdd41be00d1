/**
 * `npm test`: build, start what the tiers need, check, run the tiers, stop everything, and close with one line that
 * counts it all.
 */
import { rmSync, writeFileSync } from 'node:fs';
import pc from 'picocolors';
import { build } from './build.ts';
import { checkSteps } from './check.ts';
import { findLeftovers } from './leftovers.ts';
import { parseOptions, UsageError, type RunnerOptions } from './options.ts';
import { startServers, type Servers } from './servers.ts';
import { addTotals, closingLine, exitCodeOf, noTotals, runSteps, type Step, type Totals } from './steps.ts';
import { testFilesOf, type Tier } from './tiers.ts';
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
  return runVitest({ name: tier, files, grep: options.grep, run: servers.run, runFile: servers.runFile });
}

/** Tests that nobody can run here are skipped aloud; in CI a skip is a failure. */
function skipTiers(tiers: Tier[], reason: string): Totals {
  const skipped = tiers.flatMap((tier) => testFilesOf(tier)).length;
  console.error(pc.yellow(pc.bold(`\nSKIPPED ${tiers.join(' and ')} (${skipped} files): ${reason}`)));
  return { ...noTotals, skipped };
}

async function runClusterTiers(tiers: Tier[], options: RunnerOptions, servers: Servers): Promise<Totals> {
  if (tiers.length === 0) return noTotals;
  const clusters = await servers.startClusters();
  if (clusters.outcome === 'missing') return skipTiers(tiers, clusters.reason);
  let totals = noTotals;
  for (const tier of tiers) totals = addTotals(totals, await runTier(tier, options, servers));
  return totals;
}

async function runAll(options: RunnerOptions, servers: Servers): Promise<Totals> {
  let totals = noTotals;
  if (options.check) totals = addTotals(totals, await runSteps(checkSteps(servers.postgresUrl)));
  for (const tier of options.tiers.filter((each) => !needsClusters(each))) {
    totals = addTotals(totals, await runTier(tier, options, servers));
  }
  return addTotals(totals, await runClusterTiers(options.tiers.filter(needsClusters), options, servers));
}

async function runTests(options: RunnerOptions): Promise<Totals> {
  const built = await runSteps([buildStep]);
  if (built.failed > 0) return built;
  const servers = await startServers({ clusters: options.tiers.some(needsClusters) });
  let totals = built;
  try {
    totals = addTotals(totals, await runAll(options, servers));
  } finally {
    await servers[Symbol.asyncDispose]();
  }
  totals = addTotals(totals, await runSteps([leftoverStep(servers.runFile)]));
  if (totals.failed === 0) rmSync(servers.run.dir, { recursive: true, force: true });
  else console.error(`logs of this run: ${servers.run.dir}`);
  return totals;
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  const totals = await runTests(options);
  const exitCode = exitCodeOf(totals, inCi);
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
