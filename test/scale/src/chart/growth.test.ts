/** The chart shows what was measured at several sizes, by how much it grew. */
import { expect, test } from 'vitest';
import type { Line } from '../bench/report.ts';
import { growthChart, seriesOf } from './growth.ts';

function line(id: string, n: number, ours: number): Line {
  return { id, n, ours, floor: null, unit: 'ms', ratio: null, budget: null, rounds: 3 };
}

test('a figure needs two sizes, in order of size; nothing measured as nothing is drawn', () => {
  const lines = [
    line('a1', 1000, 50),
    line('a1', 100, 10),
    line('g1', 100, 5),
    line('f2', 100, 0),
    line('f2', 1000, 2),
  ];
  expect(seriesOf(lines)).toEqual([
    {
      dimension: 'clusters',
      name: 'fan-out, p99',
      points: [
        { n: 100, cost: 10 },
        { n: 1000, cost: 50 },
      ],
    },
  ]);
});

test('a cost that grows as its size does lies on the diagonal', () => {
  const svg = growthChart(seriesOf([line('e1', 100, 1), line('e1', 1000, 10), line('e1', 10_000, 100)]));
  const diagonal = /class="linear" fill="none" d="M(?<from>[\d.]+ [\d.]+)L(?<to>[\d.]+ [\d.]+)"/.exec(
    svg,
  )?.groups;
  const drawn = /stroke-width="2" d="M(?<points>[^"]+)"/.exec(svg)?.groups?.['points']?.split('L') ?? [];
  const numbers = (text: string | undefined) => text?.split(' ').map(Number);
  expect(drawn).toHaveLength(3);
  expect(numbers(drawn[0])).toEqual(numbers(diagonal?.['from']));
  expect(numbers(drawn[2])).toEqual(numbers(diagonal?.['to']));
  expect(svg).toContain('render 100×');
});

test('what grew faster than linearly stays in the panel and says by how much', () => {
  const svg = growthChart(seriesOf([line('apps1', 10, 1), line('apps1', 1000, 5000)]));
  expect(svg).toContain('push → assigned 5000×');
  expect(svg).not.toContain('NaN');
  expect([...svg.matchAll(/cy="([\d.-]+)"/g)].every(([, at]) => Number(at) >= 40)).toBe(true);
});

test('labels do not lie upon each other', () => {
  const same = ['a1', 'g1', 'j1', 'j2'].flatMap((id) => [line(id, 100, 10), line(id, 1000, 20)]);
  const svg = growthChart(seriesOf(same));
  const places = [...svg.matchAll(/y="([\d.-]+)" style="fill/g)]
    .map(([, at]) => Number(at))
    .toSorted((a, b) => a - b);
  expect(places).toHaveLength(4);
  for (const [index, at] of places.entries()) expect(at - (places[index - 1] ?? -100)).toBeGreaterThan(12);
});
