/** Named steps with time and outcome, shown as they end; each counts as one test. */
import pc from 'picocolors';

export interface StepResult {
  ok: boolean;
  /** Shown where the step failed, or as a remark where it passed. */
  detail: string;
}

export interface Step {
  name: string;
  run: () => Promise<StepResult>;
}

export interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

export const noTotals: Totals = { passed: 0, failed: 0, skipped: 0 };

export function addTotals(a: Totals, b: Totals): Totals {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/** The line that ends every test run; scripts and CI count by it. */
export function closingLine(totals: Totals): string {
  return `${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`;
}

/** 1 on a failure, on no test at all, and in CI on any skip. */
export function exitCodeOf(totals: Totals, inCi: boolean): number {
  if (totals.failed > 0) return 1;
  if (totals.passed === 0) return 1;
  return inCi && totals.skipped > 0 ? 1 : 0;
}

/** Runs steps one after the other; a failed one does not stop the rest. */
export async function runSteps(steps: readonly Step[]): Promise<Totals> {
  let totals = noTotals;
  for (const step of steps) {
    const startedAtMs = performance.now();
    const result = await step.run().catch((error: unknown) => ({ ok: false, detail: String(error) }));
    const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
    const mark = result.ok ? pc.green('✓') : pc.red('✗');
    const remark = result.ok && result.detail ? pc.dim(` (${result.detail})`) : '';
    console.error(`${mark} ${step.name} ${pc.dim(`${seconds} s`)}${remark}`);
    if (!result.ok) console.error(result.detail.trimEnd().replaceAll(/^/gm, '    '));
    totals = addTotals(totals, { passed: result.ok ? 1 : 0, failed: result.ok ? 0 : 1, skipped: 0 });
  }
  return totals;
}
