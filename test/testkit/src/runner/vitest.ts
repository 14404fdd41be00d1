/** Runs the test files of one tier in one Vitest and counts what it says. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { runVariable, type Run } from '../run.ts';
import { runTool } from './command.ts';
import { noTotals, type Totals } from './steps.ts';

interface Report {
  testResults: { status: string; assertionResults: { status: string }[] }[];
}

/** A file that failed without a failed test (it could not be loaded, a hook failed) counts as one failure. */
export function totalsOf(report: Report): Totals {
  const totals = { ...noTotals };
  for (const file of report.testResults) {
    const statuses = file.assertionResults.map((test) => test.status);
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
}

/** The hub may not import the testkit: its tests are told by variables. */
function environmentOf({ run, runFile }: VitestRun): Record<string, string> {
  return {
    [runVariable]: runFile,
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
  const totals = totalsOf(JSON.parse(readFileSync(reportFile, 'utf8')) as Report);
  if (run.grep !== null) totals.skipped = 0;
  // Vitest also fails on what happens outside of tests, such as an unhandled rejection.
  return result.code !== 0 && totals.failed === 0 ? { ...totals, failed: 1 } : totals;
}
