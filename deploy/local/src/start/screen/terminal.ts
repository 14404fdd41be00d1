/**
 * A terminal that is drawn on whole: another page of it, as pagers and editors use, so that what was there before comes
 * back. However this process ends, short of SIGKILL, it is left as it was. No library: each frame is drawn whole and fits,
 * so there are no lines to find and erase.
 */
import { writeSync } from 'node:fs';

export interface Terminal {
  size: () => { columns: number; rows: number };
  draw: (lines: readonly string[]) => void;
  /** Gives the terminal back for a while: what is written meanwhile stays in its history. */
  lend: (write: () => void) => void;
  take: () => void;
  leave: () => void;
}

export interface TerminalOptions {
  input: typeof process.stdin;
  output: typeof process.stdout;
  onKey: (key: string) => void;
  onResize: () => void;
}

const enterPage = '\u001b[?1049h\u001b[?25l\u001b[2J';
const leavePage = '\u001b[?25h\u001b[?1049l';
const home = '\u001b[H';
const clearRestOfLine = '\u001b[K';
const clearRest = '\u001b[J';
/** The terminal shows what lies between them at once. */
const beginFrame = '\u001b[?2026h';
const endFrame = '\u001b[?2026l';

export function openTerminal({ input, output, onKey, onResize }: TerminalOptions): Terminal {
  let isOurs = false;
  const onData = (data: Buffer) => onKey(data.toString('utf8'));
  const take = () => {
    if (isOurs) return;
    isOurs = true;
    input.setRawMode(true);
    writeSync(output.fd, enterPage);
  };
  const giveBack = () => {
    if (!isOurs) return;
    isOurs = false;
    // Synchronously: it may be the last thing that this process does.
    writeSync(output.fd, leavePage);
    input.setRawMode(false);
  };
  process.once('exit', giveBack);
  input.on('data', onData).resume();
  output.on('resize', onResize);
  take();
  return {
    size: () => ({ columns: output.columns, rows: output.rows }),
    draw(lines) {
      if (!isOurs) return;
      const text = lines.map((line) => line + clearRestOfLine).join('\n');
      output.write(beginFrame + home + text + clearRest + endFrame);
    },
    lend(write) {
      giveBack();
      write();
    },
    take,
    leave() {
      giveBack();
      process.off('exit', giveBack);
      output.off('resize', onResize);
      input.off('data', onData).pause();
    },
  };
}
