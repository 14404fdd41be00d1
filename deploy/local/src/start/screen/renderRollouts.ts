/** Rollouts: one whole, with a bar for each wave; of more, a line each. */
import { widthOf } from '@flotilla/client/cells';
import { statusTone } from './words.ts';
import { inTone, type Colors } from './paint.ts';
import { column, fit, spell } from './text.ts';
import type { RolloutView, WaveView } from './view.ts';

interface RolloutsRoom {
  columns: number;
  colors: Colors;
}

const wavesMax = 5;
const othersMax = 3;
const barCells = 24;

export function renderRollouts(rollouts: readonly RolloutView[], room: RolloutsRoom): string[] {
  const [first, ...others] = rollouts;
  if (first === undefined) return [];
  const waves = first.waves.slice(0, wavesMax);
  const nameCells = Math.max(...first.waves.map(({ name }) => widthOf(name)), 4);
  const shown = others.filter(({ phase }) => phase !== 'Completed');
  return [
    '',
    headline(first, room),
    ...waves.map((wave) => waveLine(wave, Math.min(nameCells, 16), room)),
    ...more(first.waves.length - waves.length, 'waves', room),
    ...shown.slice(0, othersMax).map((rollout) => headline(rollout, room)),
    ...more(shown.length - othersMax, 'rollouts', room),
  ];
}

function headline(rollout: RolloutView, { columns, colors }: RolloutsRoom): string {
  const { application, revision, kind, phase, reason, what, forMs, waves } = rollout;
  const done = sumOf(waves, ({ done: count }) => count);
  const total = sumOf(waves, ({ total: count }) => count);
  const right = total === 0 ? ' ' : `${done} of ${total} `;
  const name = kind === 'rollback' ? 'Rollback' : 'Rollout';
  const state = `${phase} ${spell(forMs)}`;
  const about = ` ${application}, revision ${revision}${what === '' ? '' : ` · ${what}`} · `;
  const why = reason === '' ? '' : ` · ${reason}`;
  const room = columns - widthOf(name) - widthOf(right) - 3;
  const shownAbout = fit(about, room - widthOf(state));
  const shownWhy = fit(why, room - widthOf(shownAbout) - widthOf(state));
  const used = widthOf(shownAbout) + widthOf(state) + widthOf(shownWhy);
  const paint = inTone(colors, statusTone(phase));
  const gap = ' '.repeat(Math.max(room - used + 1, 1));
  return ` ${colors.bold(name)}${shownAbout}${paint(state)}${shownWhy}${gap}${right}`.trimEnd();
}

function waveLine(wave: WaveView, nameCells: number, { columns, colors }: RolloutsRoom): string {
  const { name, total, done, failed, inFlight } = wave;
  const cells = Math.min(barCells, Math.max(columns - nameCells - 40, 8));
  const filled = share(done, total, cells);
  const bad = Math.min(share(failed, total, cells), cells - filled);
  const moving = Math.min(share(inFlight, total, cells), cells - filled - bad);
  const rest = cells - filled - bad - moving;
  const bar =
    colors.green('█'.repeat(filled)) +
    colors.red('█'.repeat(bad)) +
    colors.yellow('▓'.repeat(moving)) +
    colors.dim('░'.repeat(rest));
  const counts = [
    `${done} of ${total}`,
    ...(inFlight > 0 ? [`${inFlight} under way`] : []),
    ...(failed > 0 ? [colors.red(`${failed} failed`)] : []),
  ];
  return `   ${column(name, nameCells)}  ${bar}  ${counts.join(', ')}`;
}

/** Something that is there is seen, also where it is less than a cell. */
function share(part: number, total: number, cells: number): number {
  if (part === 0 || total === 0) return 0;
  return Math.max(Math.floor((part / total) * cells), 1);
}

function sumOf(waves: readonly WaveView[], of: (wave: WaveView) => number): number {
  return waves.reduce((sum, wave) => sum + of(wave), 0);
}

function more(hidden: number, what: string, { colors }: RolloutsRoom): string[] {
  return hidden > 0 ? [colors.dim(`   and ${hidden} more ${what}`)] : [];
}
