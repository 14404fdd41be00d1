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

/** In cells; escape sequences have none. */
export function widthOf(text: string): number {
  let width = 0;
  for (const { segment } of graphemes.segment(stripVTControlCharacters(text)))
    width += wide.test(segment) ? 2 : 1;
  return width;
}

/** At most `cells` wide, of text without escape sequences; what was cut ends in an ellipsis. */
export function fit(text: string, cells: number): string {
  if (widthOf(text) <= cells) return text;
  let kept = '';
  let width = 0;
  for (const { segment } of graphemes.segment(text)) {
    width += wide.test(segment) ? 2 : 1;
    if (width > cells - 1) break;
    kept += segment;
  }
  return cells <= 0 ? '' : `${kept.trimEnd()}…`;
}

/** Exactly `cells` wide. */
export function column(text: string, cells: number): string {
  const fitted = fit(text, cells);
  return fitted + ' '.repeat(Math.max(cells - widthOf(fitted), 0));
}

/** Broken between words, each line at most `cells` wide; of more than `linesMax` the last one ends in an ellipsis. */
export function wrap(text: string, cells: number, linesMax: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (widthOf(longer) <= cells || line === '' || lines.length === linesMax - 1) {
      line = longer;
      continue;
    }
    lines.push(line);
    line = word;
  }
  return [...lines, line].map((one) => fit(one, cells));
}
