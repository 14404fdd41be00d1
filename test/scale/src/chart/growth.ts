/**
 * How cost grows, as a chart: a panel for each thing that a fleet has more of, a line for each figure that was measured at
 * several sizes. Both axes count in multiples of the smallest size, by powers of ten, so that a line along the diagonal grows
 * linearly and one below it slower. Pure.
 */
import type { Line } from '../bench/report.ts';

export type Dimension = 'clusters' | 'applications' | 'objects';

export interface Series {
  dimension: Dimension;
  name: string;
  /** By size. */
  points: readonly { n: number; cost: number }[];
}

/** Figures that are costs of a size. What is missing here is a share, a rate or a count that should not grow at all. */
const figures: Record<string, { dimension: Dimension; name: string }> = {
  a1: { dimension: 'clusters', name: 'fan-out, p99' },
  c3: { dimension: 'clusters', name: 'CPU of an idle hub' },
  c4: { dimension: 'clusters', name: 'memory of the hub' },
  g1: { dimension: 'clusters', name: 'reconnect storm' },
  j1: { dimension: 'clusters', name: 'plan a rollout' },
  j2: { dimension: 'clusters', name: 'advance a wave' },
  apps1: { dimension: 'applications', name: 'push → assigned' },
  apps2: { dimension: 'applications', name: 'CPU of the hub' },
  e1: { dimension: 'objects', name: 'render' },
  f2: { dimension: 'objects', name: 'CPU of a no-op' },
  i3: { dimension: 'objects', name: 'memory of the agent' },
};

const dimensions: readonly Dimension[] = ['clusters', 'applications', 'objects'];

/** Only what was measured at two sizes or more. */
export function seriesOf(lines: readonly Line[]): Series[] {
  return Object.entries(figures).flatMap(([id, figure]): Series[] => {
    const points = lines
      .filter((line) => line.id === id && line.ours > 0)
      .map(({ n, ours }) => ({ n, cost: ours }))
      .toSorted((a, b) => a.n - b.n);
    return points.length < 2 ? [] : [{ ...figure, points }];
  });
}

const panel = { width: 300, height: 260, gap: 24, left: 46, top: 40, bottom: 40, labels: 132 };
const decades = 2;
const colours = ['#2a6fdb', '#c2410c', '#15803d', '#7c3aed', '#b45309', '#be185d'];

export function growthChart(series: readonly Series[]): string {
  const shown = dimensions.filter((dimension) => series.some((one) => one.dimension === dimension));
  const step = panel.left + panel.width + panel.labels + panel.gap;
  const width = step * shown.length;
  const height = panel.top + panel.height + panel.bottom;
  const panels = shown.map((dimension, index) =>
    panelOf(
      dimension,
      series.filter((one) => one.dimension === dimension),
      index * step + panel.left,
    ),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12" role="img">`,
    '<title>How cost grows with clusters, applications and objects</title>',
    '<style>text{fill:#333}.rule{stroke:#8884}.linear{stroke:#888;stroke-dasharray:4 4}@media(prefers-color-scheme:dark){text{fill:#ccc}}</style>',
    ...panels,
    '</svg>\n',
  ].join('\n');
}

function panelOf(dimension: Dimension, series: readonly Series[], left: number): string {
  const smallest = Math.min(...series.flatMap(({ points }) => points.map(({ n }) => n)));
  const rules = Array.from({ length: decades + 1 }, (_, decade) => ruleOf(decade, smallest, left));
  const labels = spread(series.map((one) => y(lastOf(one))));
  return [
    `<text x="${left}" y="16" font-weight="600">more ${dimension}</text>`,
    ...rules,
    `<path class="linear" fill="none" d="M${x(0, left)} ${y(0)}L${x(decades, left)} ${y(decades)}"/>`,
    ...series.map((one, index) => lineOf(one, index, left, labels[index] ?? 0)),
  ].join('\n');
}

/** A rule both ways at each power of ten, with what it stands for. */
function ruleOf(decade: number, smallest: number, left: number): string {
  const label = `${(10 ** decade).toLocaleString('en')}×`;
  const size = (smallest * 10 ** decade).toLocaleString('en');
  return [
    `<path class="rule" d="M${x(0, left)} ${y(decade)}H${x(decades, left)}M${x(decade, left)} ${y(0)}V${y(decades)}"/>`,
    `<text x="${x(0, left) - 8}" y="${y(decade) + 4}" text-anchor="end">${label}</text>`,
    `<text x="${x(decade, left)}" y="${y(0) + 18}" text-anchor="middle">${size}</text>`,
  ].join('');
}

function lineOf(series: Series, index: number, left: number, labelY: number): string {
  const colour = colours[index % colours.length];
  const [first] = series.points;
  const path = series.points.map(({ n, cost }) => {
    const at = [Math.log10(n / (first?.n ?? 1)), Math.log10(cost / (first?.cost ?? 1))] as const;
    return `${x(at[0], left).toFixed(1)} ${y(at[1]).toFixed(1)}`;
  });
  const times = lastRatio(series);
  const label = `${series.name} ${times < 10 ? times.toFixed(1) : times.toFixed(0)}×`;
  return [
    `<path fill="none" stroke="${colour}" stroke-width="2" d="M${path.join('L')}"/>`,
    ...path.map((point) => {
      const [cx, cy] = point.split(' ');
      return `<circle cx="${cx}" cy="${cy}" r="3" fill="${colour}"/>`;
    }),
    `<text x="${x(decades, left) + 8}" y="${labelY + 4}" style="fill:${colour}">${label}</text>`,
  ].join('');
}

function lastRatio({ points }: Series): number {
  return (points.at(-1)?.cost ?? 1) / (points[0]?.cost ?? 1);
}

function lastOf(series: Series): number {
  return Math.log10(lastRatio(series));
}

function x(decade: number, left: number): number {
  return left + (decade / decades) * panel.width;
}

/** What grows faster than linearly leaves the panel at its upper edge and says so by its number. */
function y(decade: number): number {
  const height = Math.min(Math.max(decade, 0), decades) / decades;
  return panel.top + panel.height - height * panel.height;
}

const lineHeight = 15;

/** Places for labels, each as near to where it belongs as the others let it. */
function spread(wanted: readonly number[]): number[] {
  const order = wanted.map((at, index) => ({ at, index })).toSorted((a, b) => b.at - a.at);
  const places: number[] = [];
  let ceiling = Number.POSITIVE_INFINITY;
  for (const { at, index } of order) {
    ceiling = Math.min(at, ceiling - lineHeight);
    places[index] = ceiling;
  }
  return places;
}
