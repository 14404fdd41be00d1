/** Runs the test files of one tier in one Vitest and counts what it says. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import pc from 'picocolors';
import { engineVariable, runVariable, type Engine, type Run } from '../run.ts';
import { runTool } from './command.ts';
import { noTotals, type Totals } from './steps.ts';

interface ReportedTest {
  status: string;
  fullName?: string;
  /** `differs`: why the case holds on the real API server only; see `differs.ts`. */
  meta?: { differs?: string };
}

interface Report {
  testResults: { status: string; assertionResults: ReportedTest[] }[];
}

function isKnownDifference(test: ReportedTest): boolean {
  return test.status === 'passed' && test.meta?.differs !== undefined;
}

/** Cases in which the engine is known to answer otherwise, with the reason; a case that no longer does fails. */
export function differencesOf(report: Report): string[] {
  const tests = report.testResults.flatMap((file) => file.assertionResults);
  return tests
    .filter(isKnownDifference)
    .map(({ fullName, meta }) => `${fullName ?? ''}: ${meta?.differs ?? ''}`);
}

/** A line of its own, so that a known difference is neither hidden among the passed nor among the skipped. */
function showDifferences(engine: Engine, differences: readonly string[]): void {
  if (differences.length === 0) return;
  console.error(pc.yellow(`${differences.length} cases differ on ${engine}:`));
  for (const difference of differences) console.error(pc.yellow(`  ${difference}`));
}

/** A file that failed without a failed test (it could not be loaded, a hook failed) counts as one failure. */
export function totalsOf(report: Report): Totals {
  const totals = { ...noTotals };
  for (const file of report.testResults) {
    const counted = file.assertionResults.filter((test) => !isKnownDifference(test));
    const statuses = counted.map((test) => test.status);
    const failed = statuses.filter((status) => status === 'failed').length;
    totals.passed += statuses.filter((status) => status === 'passed').length;
    totals.failed += failed > 0 || file.status === 'passed' ? failed : 1;
    totals.skipped += statuses.filter((status) => status !== 'passed' && status !== 'failed').length;
  }
  return totals;
}

export interface VitestRun {
  name: string;
  files: string[];
  grep: string | null;
  run: Run;
  runFile: string;
  engine: Engine;
}

/** The hub may not import the testkit: its tests are told by variables. */
function environmentOf({ run, runFile, engine }: VitestRun): Record<string, string> {
  return {
    [runVariable]: runFile,
    [engineVariable]: engine,
    FLOTILLA_TEST_POSTGRES_URL: run.postgresUrl ?? '',
    FLOTILLA_TEST_TEMPLATE: run.template,
  };
}

export async function runVitest(run: VitestRun): Promise<Totals> {
  if (run.files.length === 0) return noTotals;
  const reportFile = path.join(path.dirname(run.runFile), `${run.name}.json`);
  const grep = run.grep === null ? [] : ['--testNamePattern', run.grep, '--passWithNoTests'];
  const args = [
    'run',
    '--reporter=default',
    '--slowTestThreshold=15000',
    '--reporter=json',
    `--outputFile.json=${reportFile}`,
    ...grep,
    ...run.files,
  ];
  const result = await runTool('vitest/vitest.mjs', args, {
    env: environmentOf(run),
    echo: true,
  });
  if (!existsSync(reportFile)) return { ...noTotals, failed: 1 };
  const report = JSON.parse(readFileSync(reportFile, 'utf8')) as Report;
  showDifferences(run.engine, differencesOf(report));
  const totals = totalsOf(report);
  if (run.grep !== null) totals.skipped = 0;
  // Vitest also fails on what happens outside of tests, such as an unhandled rejection.
  return result.code !== 0 && totals.failed === 0 ? { ...totals, failed: 1 } : totals;
}
