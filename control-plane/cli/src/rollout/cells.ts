/** Text cut and broken to fit a grid of character cells. */
import { beginningOf, widthOf } from '@flotilla/client/cells';

/** At most `cells` wide, of text without escape sequences; what was cut ends in an ellipsis. */
export function fit(text: string, cells: number): string {
  if (widthOf(text) <= cells) return text;
  return cells <= 0 ? '' : `${beginningOf(text, cells - 1).trimEnd()}…`;
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
