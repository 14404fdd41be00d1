/** A rollout over time as SVG: a band for each wave, filled from below by how far its targets have come. Pure. */
import { clock, grouped, groups, type Group, type Sample } from './timeline.ts';

const colours: Record<Group, string> = {
  succeeded: '#15803d',
  failed: '#dc2626',
  deferred: '#737373',
  soaking: '#0891b2',
  moving: '#2a6fdb',
  waiting: '#8883',
};

const words: Record<Group, string> = {
  succeeded: 'succeeded',
  failed: 'failed',
  deferred: 'offline',
  soaking: 'soaking',
  moving: 'in progress',
  waiting: 'not yet',
};

const [left, width, bandHeight, gap, top, bottom] = [110, 640, 54, 12, 56, 34];
const ticks = 6;

export function timelineChart(samples: readonly Sample[], title: string): string {
  const waves = samples.at(-1)?.waves ?? [];
  const endMs = Math.max(1, samples.at(-1)?.atMs ?? 1);
  const x = (ms: number): number => left + (ms / endMs) * width;
  const height = top + waves.length * (bandHeight + gap) + bottom;
  const axisY = height - bottom + 4;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${left + width + 20} ${height}" font-family="system-ui, sans-serif" font-size="12" role="img">`,
    `<title>${title}</title>`,
    '<style>text{fill:#333}@media(prefers-color-scheme:dark){text{fill:#ccc}}</style>',
    `<text x="${left}" y="16" font-weight="600">${title}</text>`,
    ...legend(),
    ...waves.flatMap(({ name, total }, at) => {
      const bandTop = top + at * (bandHeight + gap);
      return [
        `<text x="${left - 10}" y="${bandTop + 24}" text-anchor="end">${name}</text>`,
        `<text x="${left - 10}" y="${bandTop + 40}" text-anchor="end" opacity="0.7">${total}</text>`,
        ...bandOf(samples, at, bandTop, x),
      ];
    }),
    ...Array.from({ length: ticks + 1 }, (_, tick) => {
      const ms = (endMs * tick) / ticks;
      return `<text x="${x(ms).toFixed(1)}" y="${axisY + 14}" text-anchor="middle">${clock(ms)}</text>`;
    }),
    '</svg>\n',
  ].join('\n');
}

function legend(): string[] {
  return groups.map((group, at) => {
    const x = left + at * 108;
    return `<rect x="${x}" y="28" width="10" height="10" fill="${colours[group]}"/><text x="${x + 15}" y="37">${words[group]}</text>`;
  });
}

/** The groups of one wave, one upon the other; the share of the wave is the height. */
function bandOf(
  samples: readonly Sample[],
  wave: number,
  bandTop: number,
  x: (ms: number) => number,
): string[] {
  const below = samples.map(() => 0);
  return groups.map((group) => {
    const floor = [...below];
    samples.forEach((sample, at) => {
      const seen = sample.waves[wave];
      if (seen !== undefined && seen.total > 0) below[at]! += grouped(seen)[group] / seen.total;
    });
    if (below.every((height, at) => height === floor[at])) return '';
    const point = (height: number, at: number): string =>
      `${x(samples[at]?.atMs ?? 0).toFixed(1)} ${(bandTop + bandHeight * (1 - height)).toFixed(1)}`;
    const upper = below.map(point);
    const lower = floor.map(point).toReversed();
    return `<path fill="${colours[group]}" d="M${[...upper, ...lower].join('L')}Z"/>`;
  });
}
