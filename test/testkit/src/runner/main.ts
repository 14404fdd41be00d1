/**
 * `npm test`: build, start what the tiers need, check, run the tiers, stop everything, and close with one line that
 * counts it all.
 */
import { rmSync, writeFileSync } from 'node:fs';
import pc from 'picocolors';
import { build } from './build.ts';
import { checkSteps } from './check.ts';
import { leftoversOf } from './leftovers.ts';
import { parseOptions, UsageError, type RunnerOptions } from './options.ts';
import { startServers, type Servers } from './servers.ts';
import { addTotals, closingLine, exitCodeOf, noTotals, runSteps, type Step, type Totals } from './steps.ts';
import { testFilesOf } from './tiers.ts';
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
      const leftovers = leftoversOf(runFile);
      for (const { pid } of leftovers) process.kill(pid, 'SIGKILL');
      const detail = leftovers.map(({ pid, command }) => `${pid} ${command}`).join('\n');
      return { ok: leftovers.length === 0, detail };
    },
  };
}

async function runAll(options: RunnerOptions, servers: Servers): Promise<Totals> {
  let totals = noTotals;
  if (options.check) totals = addTotals(totals, await runSteps(checkSteps(servers.postgresUrl)));
  for (const tier of options.tiers) {
    const files = testFilesOf(tier);
    console.error(pc.bold(`\n${tier}: ${files.length} files`));
    totals = addTotals(
      totals,
      await runVitest({ name: tier, files, grep: options.grep, runFile: servers.runFile }),
    );
  }
  return addTotals(totals, await runSteps([leftoverStep(servers.runFile)]));
}

function needsClusters(options: RunnerOptions): boolean {
  return options.tiers.includes('cluster') || options.tiers.includes('fault');
}

async function runTests(options: RunnerOptions): Promise<Totals> {
  const built = await runSteps([buildStep]);
  if (built.failed > 0) return built;
  const servers = await startServers({ clusters: needsClusters(options) });
  try {
    const totals = addTotals(built, await runAll(options, servers));
    if (totals.failed === 0) rmSync(servers.run.dir, { recursive: true, force: true });
    return totals;
  } finally {
    await servers[Symbol.asyncDispose]();
  }
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
