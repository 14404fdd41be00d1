/** A wave a line: its sign, a bar of its outcomes, how many are there, its state; what else became of its targets below. */
import type { WaveDetail } from '@flotilla/client/rollouts';
import { widthOf } from '@flotilla/client/cells';
import type { Colors } from '../colors.ts';
import { column } from './cells.ts';
import { outcomeWords, sumOf, thereIn, thereOutcomes } from './words.ts';

export interface WavesRoom {
  columns: number;
  /** Lines at most. */
  rows: number;
  colors: Colors;
  /** The rollout is over: nobody waits any more. */
  isClosed: boolean;
}

const nameCellsMax = 20;
const barCellsMax = 32;
const barCellsMin = 8;
const stateCells = 'Running'.length;
const columnsForIndent = 60;

interface Layout {
  nameCells: number;
  barCells: number;
  countCells: number;
}

export function drawWaves(waves: readonly WaveDetail[], room: WavesRoom): string[] {
  const layout = layoutOf(waves, room.columns);
  const drawn = waves.map((wave) => waveLines(wave, layout, room));
  const first = Math.max(
    waves.findIndex(({ state }) => state === 'Running' || state === 'Soaking'),
    0,
  );
  return within(drawn, first, room);
}

function layoutOf(waves: readonly WaveDetail[], columns: number): Layout {
  const nameCells = Math.min(Math.max(...waves.map(({ name }) => widthOf(name)), 4), nameCellsMax);
  const countCells = Math.max(...waves.map((wave) => countText(wave).length), 0);
  const room = columns - 3 - nameCells - 2 - 2 - countCells - 2 - stateCells;
  return { nameCells, barCells: room < barCellsMin ? 0 : Math.min(room, barCellsMax), countCells };
}

function waveLines(wave: WaveDetail, layout: Layout, room: WavesRoom): string[] {
  const { colors, columns } = room;
  const { nameCells, barCells, countCells } = layout;
  const bar = barCells === 0 ? '' : `  ${barOf(wave, barCells, colors)}`;
  const state = stateText(wave, room);
  const line = ` ${signOf(wave, room)} ${column(wave.name, nameCells)}${bar}  ${countText(wave).padStart(countCells)}  ${state}`;
  const indent = columns < columnsForIndent ? 3 : nameCells + 5;
  const others = otherLines(wave, colors, columns - indent);
  return [line, ...others.map((text) => ' '.repeat(indent) + text)];
}

function countText({ outcomes, total }: WaveDetail): string {
  return `${thereIn(outcomes)} of ${total}`;
}

function signOf({ state, failures }: WaveDetail, { colors, isClosed }: WavesRoom): string {
  if (state === 'Done') return failures > 0 ? colors.red('✗') : colors.green('✓');
  if (state === 'Waiting' || isClosed) return colors.dim('·');
  return state === 'Soaking' ? colors.cyan('◐') : colors.yellow('◐');
}

function stateText({ state }: WaveDetail, { colors, isClosed }: WavesRoom): string {
  if (isClosed && state !== 'Done') return colors.dim('Ended');
  switch (state) {
    case 'Done':
      return colors.green(state);
    case 'Soaking':
      return colors.cyan(state);
    case 'Running':
      return colors.yellow(state);
    case 'Waiting':
      return colors.dim(state);
  }
}

/** Readable without colours as well: each outcome has a sign of its own. */
function barOf({ outcomes, total }: WaveDetail, cells: number, colors: Colors): string {
  const parts = [
    { count: thereIn(outcomes), paint: colors.green, sign: '█' },
    { count: sumOf(outcomes, ['Soaking']), paint: colors.cyan, sign: '▓' },
    { count: sumOf(outcomes, ['Assigned', 'Progressing']), paint: colors.yellow, sign: '▒' },
    { count: sumOf(outcomes, ['Failed']), paint: colors.red, sign: '✗' },
    { count: sumOf(outcomes, ['Deferred', 'Skipped', 'Superseded']), paint: colors.dim, sign: '·' },
    { count: sumOf(outcomes, ['Pending']), paint: colors.dim, sign: '░' },
  ];
  if (total === 0) return ' '.repeat(cells);
  const shares = sharesOf(
    parts.map(({ count }) => count),
    total,
    cells,
  );
  return parts
    .map(({ paint, sign }, at) => ({ paint, cells: sign.repeat(shares[at] ?? 0) }))
    .map(({ paint, cells: part }) => (part === '' ? '' : paint(part)))
    .join('');
}

/** Cells for each count of a total that is not zero, together all of them. What is there is seen, also where it is less than a cell. */
export function sharesOf(counts: readonly number[], total: number, cells: number): number[] {
  const shares = counts.map((count) => (count === 0 ? 0 : Math.max(1, Math.round((count / total) * cells))));
  for (;;) {
    const over = shares.reduce((sum, share) => sum + share, 0) - cells;
    if (over === 0) return shares;
    const widest = shares.indexOf(Math.max(...shares));
    shares[widest] = (shares[widest] ?? 0) - Math.sign(over);
  }
}

/** Nothing where all have succeeded or all still wait. */
function otherLines({ outcomes }: WaveDetail, colors: Colors, cells: number): string[] {
  const counted = outcomeWords.filter(([word]) => !thereOutcomes.includes(word) && (outcomes[word] ?? 0) > 0);
  if (counted.every(([word]) => word === 'Pending')) return [];
  const lines: { plain: string; painted: string }[] = [];
  for (const [word, words] of counted) {
    const plain = `${outcomes[word] ?? 0} ${words}`;
    const painted = paintOf(word, colors)(plain);
    const last = lines.at(-1);
    if (last === undefined || widthOf(`${last.plain}, ${plain},`) > cells) lines.push({ plain, painted });
    else
      lines[lines.length - 1] = { plain: `${last.plain}, ${plain}`, painted: `${last.painted}, ${painted}` };
  }
  return lines.map(({ painted }, at) => (at < lines.length - 1 ? `${painted},` : painted));
}

function paintOf(word: string, colors: Colors): (text: string) => string {
  if (word === 'Failed') return colors.red;
  if (word === 'Soaking') return colors.cyan;
  return word === 'Assigned' || word === 'Progressing' ? colors.yellow : colors.dim;
}

/** Around the first one that is under way; the others are counted. */
function within(drawn: readonly string[][], first: number, { rows, colors }: WavesRoom): string[] {
  const all = drawn.flat();
  if (all.length <= rows) return all;
  let from = first;
  let to = Math.min(first + 1, drawn.length);
  const used = () => drawn.slice(from, to).flat().length;
  const lengthOf = (at: number) => drawn[at]?.length ?? Infinity;
  for (;;) {
    const left = rows - 2 - used();
    if (lengthOf(to) <= left) to += 1;
    else if (from > 0 && lengthOf(from - 1) <= left) from -= 1;
    else break;
  }
  const more = (count: number, where: string) =>
    count > 0 ? [colors.dim(`   ${count} more ${count === 1 ? 'wave' : 'waves'} ${where}`)] : [];
  return [...more(from, 'before'), ...drawn.slice(from, to).flat(), ...more(drawn.length - to, 'to come')];
}
