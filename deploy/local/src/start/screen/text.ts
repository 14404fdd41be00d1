/**
 * Text on a grid of character cells. What comes from Git or a cluster is made harmless first: control characters would
 * move the cursor of whoever looks.
 */
import { stripVTControlCharacters } from 'node:util';

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
/** East Asian wide letters and pictures; when in doubt two cells, which leaves a gap at worst. */
const wide =
  /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{1F000}-\u{1FAFF}\u{20000}-\u{3FFFD}]/u;

/** One line, without control characters. */
export function harmless(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/\p{Cc}|\p{Cf}/gu, '')
    .trim();
}

/** In cells, of text without escape sequences. */
export function widthOf(text: string): number {
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += wide.test(segment) ? 2 : 1;
  return width;
}

/** At most `cells` wide; what was cut ends in an ellipsis. */
export function fit(text: string, cells: number): string {
  if (widthOf(text) <= cells) return text;
  let kept = '';
  let width = 0;
  for (const { segment } of graphemes.segment(text)) {
    width += wide.test(segment) ? 2 : 1;
    if (width > cells - 1) break;
    kept += segment;
  }
  return cells <= 0 ? '' : `${kept}…`;
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
