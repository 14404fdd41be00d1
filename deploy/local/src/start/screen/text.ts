/** Text that fits a grid of character cells, and small words of times and names. */
import { beginningOf, widthOf } from '@flotilla/client/cells';

/** At most `cells` wide; what was cut ends in an ellipsis. */
export function fit(text: string, cells: number): string {
  if (widthOf(text) <= cells) return text;
  return cells <= 0 ? '' : `${beginningOf(text, cells - 1)}…`;
}

/** Exactly `cells` wide. */
export function column(text: string, cells: number): string {
  const fitted = fit(text, cells);
  return fitted + ' '.repeat(Math.max(cells - widthOf(fitted), 0));
}

/** `3.4 s`, `42 s`, `2m 13s`, `3h 5m`. */
export function spell(durationMs: number): string {
  const seconds = Math.max(durationMs, 0) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${Math.floor(seconds % 60)}s`;
  return `${Math.floor(minutes / 60)}h ${minutes % 60}m`;
}

/** `24 ms`, `0.3 s`: of what is over before one looks. */
export function spellShort(durationMs: number): string {
  return durationMs < 100 ? `${Math.max(Math.round(durationMs), 1)} ms` : spell(durationMs);
}

/** `dev-1, dev-2 and 7 more`; never a list that nobody reads. */
export function namesOf(names: readonly string[], namesMax = 3): string {
  if (names.length <= namesMax) return names.join(', ');
  return `${names.slice(0, namesMax - 1).join(', ')} and ${names.length - namesMax + 1} more`;
}

/** Local time of day. */
export function clockTime(atMs: number): string {
  return new Date(atMs).toTimeString().slice(0, 8);
}
