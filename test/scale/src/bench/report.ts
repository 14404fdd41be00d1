/** What a bench comes to: lines for people, JSON for scripts, and whether it is within its budgets. */
import pc from 'picocolors';
import type { Measured } from './row.ts';
import { median, medianRatio } from './statistics.ts';

export interface Line {
  id: string;
  n: number;
  floor: number | null;
  ours: number;
  unit: string;
  ratio: number | null;
  budget: number | null;
  rounds: number;
}

export function lineOf({ id, n, floors, ours, unit, ...measured }: Measured, judgedFrom = 0): Line {
  const budget = n < judgedFrom ? null : measured.budget;
  const floor = floors === null ? null : median(floors);
  const ratio = floors === null ? null : ratioOf(ours, floors);
  return { id, n, floor, ours: median(ours), unit, ratio, budget, rounds: ours.length };
}

/** A floor of nothing (no call at all) leaves ours itself. */
function ratioOf(ours: readonly number[], floors: readonly number[]): number {
  return median(floors) === 0 ? median(ours) : medianRatio(ours, floors);
}

export function isOver({ ratio, budget }: Line): boolean {
  return budget !== null && (ratio === null || !(ratio <= budget));
}

const widths = { id: 5, what: 46, n: 8, floor: 12, ours: 12, unit: 8, ratio: 8, budget: 8 };

export function heading(): string {
  const cells = ['row'.padEnd(widths.id), 'what'.padEnd(widths.what)];
  for (const name of ['n', 'floor', 'ours'] as const) cells.push(name.padStart(widths[name]));
  cells.push('unit'.padEnd(widths.unit), 'ratio'.padStart(widths.ratio), 'budget'.padStart(widths.budget));
  return pc.bold(cells.join(' '));
}

export function textOf(measured: Measured, line: Line): string {
  const cells = [
    pc.bold(line.id.padEnd(widths.id)),
    measured.what.padEnd(widths.what).slice(0, widths.what),
    String(line.n).padStart(widths.n),
    pc.dim(numberText(line.floor).padStart(widths.floor)),
    numberText(line.ours).padStart(widths.ours),
    line.unit.padEnd(widths.unit),
    verdictText(line),
    pc.dim((line.budget === null ? '' : `≤ ${numberText(line.budget)}`).padStart(widths.budget)),
    measured.aim === undefined ? '' : pc.dim(measured.aim),
  ];
  return cells.join(' ');
}

function verdictText(line: Line): string {
  const text = numberText(line.ratio).padStart(widths.ratio);
  if (line.budget === null) return pc.dim(text);
  return isOver(line) ? pc.red(text) : pc.green(text);
}

/** Three digits are enough to compare. */
export function numberText(value: number | null): string {
  if (value === null || Number.isNaN(value)) return '–';
  if (Math.abs(value) >= 100) return value.toFixed(0);
  if (Math.abs(value) >= 10) return value.toFixed(1);
  return value.toFixed(value === 0 ? 0 : 2);
}
