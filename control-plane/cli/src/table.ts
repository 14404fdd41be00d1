/** Tables and words for people: columns without rules, colours by meaning, times as ages. */
import Table from 'cli-table3';
import type { Colors } from './colors.ts';

export interface Column<T> {
  title: string;
  value: (row: T) => string;
}

export function table<T>(columns: readonly Column<T>[], rows: readonly T[], none: string): string {
  if (rows.length === 0) return none;
  const grid = new Table({
    head: columns.map((column) => column.title),
    chars: noRules,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 3 },
  });
  for (const row of rows) grid.push(columns.map((column) => column.value(row)));
  return trimLines(grid.toString());
}

/** Label and value, one a line. */
export function fields(pairs: readonly (readonly [string, string])[]): string {
  const width = Math.max(...pairs.map(([label]) => label.length)) + 3;
  return pairs.map(([label, value]) => `${`${label}:`.padEnd(width)}${value}`.trimEnd()).join('\n');
}

const noRules = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
};

function trimLines(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** Good, in between, bad, unknown: the words of every status on one scale. */
export function statusColor(colors: Colors, word: string): string {
  if (good.has(word)) return colors.green(word);
  if (moving.has(word)) return colors.yellow(word);
  if (bad.has(word)) return colors.red(word);
  return colors.dim(word);
}

const good = new Set([
  'Synced',
  'Healthy',
  'Current',
  'Connected',
  'Active',
  'Succeeded',
  'Completed',
  'Ready',
  'Good',
]);
const moving = new Set([
  'Progressing',
  'Suspended',
  'Running',
  'Paused',
  'Pending',
  'AwaitingSync',
  'Queued',
  'Removing',
]);
const bad = new Set([
  'OutOfSync',
  'Degraded',
  'Missing',
  'Failed',
  'Error',
  'Offline',
  'Quarantined',
  'Revoked',
  'RolledBack',
  'Aborted',
  'Rejected',
  'Tampered',
]);

/** `12s`, `5m`, `3h`, `9d`; `-` for never. */
export function age(time: string | null, now: Date): string {
  if (time === null) return '-';
  const seconds = Math.max(0, Math.round((now.getTime() - Date.parse(time)) / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 2 * 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

export function labelsText(labels: Record<string, string>): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? '-' : pairs.join(',');
}

export function short(commit: string | null | undefined): string {
  return commit ? commit.slice(0, 8) : '-';
}
