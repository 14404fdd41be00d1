import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { openScreen } from './screen.ts';

/** As much of a terminal as a screen uses: it wraps, scrolls, and knows where its cursor is. */
class FakeTerminal extends Writable {
  readonly isTTY = true;
  columns: number;
  rows: number;
  isCursorShown = true;
  #lines: string[] = [''];
  #row = 0;
  #column = 0;

  constructor(columns: number, rows: number) {
    super();
    this.columns = columns;
    this.rows = rows;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    for (const part of chunk.toString().match(/\u001b\[[?\d;]*[A-Za-z]|[\s\S]/gu) ?? []) this.#take(part);
    done();
  }

  /** Everything, also what has scrolled away. */
  text(): string {
    return this.#lines.map((line) => line.trimEnd()).join('\n');
  }

  /** A narrower terminal breaks the lines that it shows anew. */
  narrow(columns: number): void {
    const pieces = this.#lines.map((line) => line.match(new RegExp(`.{1,${columns}}`, 'gu')) ?? ['']);
    this.#row = pieces.slice(0, this.#row + 1).flat().length - 1;
    this.#lines = pieces.flat();
    this.columns = columns;
  }

  #take(part: string): void {
    const up = /^\u001b\[(\d+)A$/.exec(part);
    if (up) this.#row = Math.max(this.#row - Number(up[1]), Math.max(0, this.#lines.length - this.rows));
    else if (part === '\r') this.#column = 0;
    else if (part === '\n') this.#newLine();
    else if (part === '\u001b[2K') this.#lines[this.#row] = '';
    else if (part === '\u001b[J') this.#clearBelow();
    else if (part === '\u001b[?25l') this.isCursorShown = false;
    else if (part === '\u001b[?25h') this.isCursorShown = true;
    else if (part.startsWith('\u001b[?2026')) return;
    else this.#put(part);
  }

  #newLine(): void {
    this.#row += 1;
    this.#column = 0;
    this.#lines[this.#row] ??= '';
  }

  #clearBelow(): void {
    this.#lines[this.#row] = (this.#lines[this.#row] ?? '').slice(0, this.#column);
    this.#lines.length = this.#row + 1;
  }

  #put(character: string): void {
    if (this.#column === this.columns) this.#newLine();
    const line = (this.#lines[this.#row] ?? '').padEnd(this.#column);
    this.#lines[this.#row] = line.slice(0, this.#column) + character + line.slice(this.#column + 1);
    this.#column += 1;
  }
}

function frame(name: string, lines: number): string[] {
  return Array.from({ length: lines }, (_, at) => `${name} ${at}`);
}

test('a picture is drawn over the one before, whatever their heights, and what was above stays', () => {
  const terminal = new FakeTerminal(20, 10);
  terminal.write('$ flotilla rollout get\n');
  {
    using screen = openScreen(terminal);
    for (const [name, lines] of [
      ['one', 3],
      ['two', 6],
      ['three', 1],
      ['four', 9],
      ['five', 4],
    ] as const) {
      screen.draw(frame(name, lines));
      expect(terminal.text()).toBe(['$ flotilla rollout g', 'et', ...frame(name, lines)].join('\n'));
      expect(terminal.isCursorShown).toBe(false);
    }
  }
  terminal.write('$ next');
  expect(terminal.text().split('\n').slice(-2)).toEqual(['five 3', '$ next']);
  expect(terminal.isCursorShown).toBe(true);
});

test('a picture as wide as the terminal loses no cell, and a narrower one leaves nothing of a wider', () => {
  const terminal = new FakeTerminal(12, 10);
  using screen = openScreen(terminal);
  screen.draw(['abcdefghijkl', 'mnopqrstuvwx']);
  expect(terminal.text()).toBe('abcdefghijkl\nmnopqrstuvwx');
  screen.draw(['abc', '']);
  expect(terminal.text()).toBe('abc\n');
});

test('a terminal that was made narrower meanwhile is drawn anew whole', () => {
  const terminal = new FakeTerminal(24, 10);
  terminal.write('before\n');
  using screen = openScreen(terminal);
  screen.draw(['a line of 20 letters', 'and one more', 'x'.repeat(24)]);
  terminal.narrow(10);
  screen.draw(['narrow', 'now']);
  expect(terminal.text()).toBe('before\nnarrow\nnow');
});

test('nothing is written where nothing was drawn', () => {
  const terminal = new FakeTerminal(24, 10);
  openScreen(terminal)[Symbol.dispose]();
  expect(terminal.text()).toBe('');
});
