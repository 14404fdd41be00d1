/**
 * A few lines of a terminal that are drawn again and again in the same place: what was above stays, and what was drawn last
 * stays below it when it is over. Every frame must fit the terminal; it may have another number of lines than the one before.
 */
import { widthOf } from '@flotilla/client/cells';
import type { Io } from '../session.ts';

export interface Screen extends Disposable {
  size: () => { columns: number; rows: number };
  draw: (lines: readonly string[]) => void;
}

const hideCursor = '\u001b[?25l';
const showCursor = '\u001b[?25h';
/** The terminal shows what lies between them at once. */
const beginFrame = '\u001b[?2026h';
const endFrame = '\u001b[?2026l';
const clearLine = '\u001b[2K';
const clearBelow = '\u001b[J';

/** Where the output does not say how wide it is. */
export const columnsDefault = 80;
const rowsDefault = 24;

export function openScreen(output: Io['stdout']): Screen {
  let drawn: readonly string[] = [];
  const size = () => ({
    columns: output.columns || columnsDefault,
    rows: output.rows || rowsDefault,
  });
  return {
    size,
    draw(lines) {
      const start = drawn.length === 0 ? hideCursor : toTop(drawn, size().columns);
      // Cleared before it is written: a line as wide as the terminal would lose its last cell.
      const text = lines.map((line) => clearLine + line).join('\n');
      output.write(beginFrame + start + text + clearBelow + endFrame);
      drawn = lines;
    },
    [Symbol.dispose]() {
      if (drawn.length > 0) output.write(`\n${showCursor}`);
      drawn = [];
    },
  };
}

/** A terminal that was made narrower since has broken lines that were drawn whole. */
function toTop(lines: readonly string[], columns: number): string {
  const rows = lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / columns)), 0);
  return rows > 1 ? `\r\u001b[${rows - 1}A` : '\r';
}
