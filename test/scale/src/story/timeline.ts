/**
 * How a rollout went over time, from what the hub said of it again and again: a table for people who watch, a line
 * whenever a wave's state changes, and one in a while. Pure.
 */

/** One look at a rollout. */
export interface Sample {
  /** Milliseconds since the commit was pushed. */
  atMs: number;
  phase: string;
  waves: readonly WaveSample[];
}

export interface WaveSample {
  name: string;
  state: string;
  total: number;
  /** Targets by outcome; only outcomes that occur. */
  outcomes: Readonly<Partial<Record<string, number>>>;
}

/** What a person tells apart in a wave, from done to not begun. */
export const groups = ['succeeded', 'failed', 'deferred', 'soaking', 'moving', 'waiting'] as const;

export type Group = (typeof groups)[number];

const groupOf: Record<string, Group> = {
  Succeeded: 'succeeded',
  Failed: 'failed',
  Deferred: 'deferred',
  Skipped: 'deferred',
  Soaking: 'soaking',
  Assigned: 'moving',
  Progressing: 'moving',
};

export function grouped({ outcomes }: WaveSample): Record<Group, number> {
  const counts: Record<Group, number> = {
    succeeded: 0,
    failed: 0,
    deferred: 0,
    soaking: 0,
    moving: 0,
    waiting: 0,
  };
  for (const [outcome, count = 0] of Object.entries(outcomes)) counts[groupOf[outcome] ?? 'waiting'] += count;
  return counts;
}

const timeWidth = 7;
const cellWidth = 37;

export function tableHead({ waves }: Sample): string {
  const cells = waves.map(({ name, total }) => cell(`${name} (${total})`));
  return `${'time'.padEnd(timeWidth)}${cells.join('')}`.trimEnd();
}

export function tableLine(sample: Sample): string {
  const cells = sample.waves.map((wave) => cell(cellOf(wave)));
  return `${clock(sample.atMs).padEnd(timeWidth)}${cells.join('')}`.trimEnd();
}

/** Apart from the next one, however long. */
function cell(text: string): string {
  return `${text.padEnd(cellWidth - 1)} `;
}

/** Whether a line says something that the one before it did not: a wave's state, or ten seconds more. */
export function isWorthALine(sample: Sample, before: Sample | null): boolean {
  if (before === null || sample.phase !== before.phase || sample.atMs - before.atMs >= 10_000) return true;
  return sample.waves.some(({ state }, at) => state !== before.waves[at]?.state);
}

/** `187 ok, 5 failed, 6 offline`; a wave that has not begun is a dot. */
function cellOf(wave: WaveSample): string {
  if (wave.state === 'Waiting') return '·';
  const { succeeded, failed, deferred, soaking, moving } = grouped(wave);
  const parts = [
    [succeeded, 'ok'],
    [failed, 'failed'],
    [deferred, 'off'],
    [soaking, 'soak'],
    [moving, 'moving'],
  ] as const;
  return parts.flatMap(([count, word]) => (count === 0 ? [] : [`${count} ${word}`])).join(' ');
}

/** `1:07` */
export function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
