/**
 * `npm run bench`: every hot path beside its physical floor, measured in one run on this machine. Prints one table, writes
 * `--json`, and with `--check` exits 1 where a ratio is over its budget.
 */
import { writeFile } from 'node:fs/promises';
import pc from 'picocolors';
import { Bench } from './bench/bench.ts';
import { BenchUsageError, parseBenchOptions, type BenchOptions } from './bench/options.ts';
import { heading, isOver, lineOf, numberText, textOf, type Line } from './bench/report.ts';
import { growthChart, seriesOf } from './chart/growth.ts';
import { loadRow } from './rows/rows.ts';

const usageExitCode = 64;

function say(text: string): void {
  process.stderr.write(`${pc.dim(`  ${text}`)}\n`);
}

/** A row that fails leaves the others theirs, and makes the bench fail. */
async function runRows(options: BenchOptions): Promise<{ lines: Line[]; failed: string[] }> {
  const lines: Line[] = [];
  const failed: string[] = [];
  await using bench = new Bench(options, say);
  for (const name of options.only) {
    const row = await loadRow(name);
    const startMs = performance.now();
    say(`${row.name}: ${row.title}`);
    try {
      for (const measured of await row.run(bench)) {
        const line = lineOf(measured, row.judgedFrom);
        lines.push(line);
        console.log(textOf(measured, line));
      }
      say(`${row.name} took ${((performance.now() - startMs) / 1000).toFixed(0)} s`);
    } catch (error) {
      failed.push(name);
      console.error(
        pc.red(
          `row ${name} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
        ),
      );
    }
    if (options.json !== null) await writeFile(options.json, `${JSON.stringify(lines, null, 1)}\n`);
  }
  return { lines, failed };
}

async function main(): Promise<number> {
  const options = parseBenchOptions(process.argv.slice(2));
  console.log(heading());
  const { lines, failed } = await runRows(options);
  if (options.chart !== null) await writeFile(options.chart, growthChart(seriesOf(lines)));
  const over = lines.filter(isOver);
  for (const { id, n, ratio, budget } of over) {
    console.error(
      pc.red(
        `${id} at ${n}: ${ratio === null ? 'no ratio' : numberText(ratio)} is over its budget of ${numberText(budget)}`,
      ),
    );
  }
  if (failed.length > 0) return 1;
  return options.check && over.length > 0 ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof BenchUsageError)) throw error;
  console.error(error.message);
  process.exitCode = usageExitCode;
}
