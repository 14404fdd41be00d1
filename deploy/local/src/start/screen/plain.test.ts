import { stripVTControlCharacters } from 'node:util';
import type { Cluster } from '@flotilla/client/types';
import { expect, test } from 'vitest';
import { PlainLines } from './plain.ts';
import { nothingSeen } from './sight.ts';

function linesOf(use: (plain: PlainLines) => void): string[] {
  const lines: string[] = [];
  use(new PlainLines((line) => lines.push(stripVTControlCharacters(line).trim().slice(9))));
  return lines;
}

test('two hundred clusters that change are counted in one line a second', () => {
  const sight = (connected: number) => ({
    ...nothingSeen,
    clusters: Array.from({ length: 200 }, (_, index) => {
      const connection = index < connected ? 'Connected' : 'Never';
      return { id: `c${index}`, name: `c${index}`, labels: {}, state: 'Active', connection } as Cluster;
    }),
  });
  const lines = linesOf((plain) => {
    for (let connected = 0; connected <= 200; connected += 1)
      plain.count(sight(connected), 'shop', connected * 10);
    plain.count(sight(200), 'shop', 9000);
  });
  expect(lines).toEqual(['200 no agent yet', '100 healthy, 100 no agent yet', '200 healthy']);
});

test('a line that counts on is paced, and its end is told at once', () => {
  const lines = linesOf((plain) => {
    const tell = (text: string, tone: 'moving' | 'good', nowMs: number) =>
      plain.tell([{ id: 'commit', atMs: nowMs, tone, text }], nowMs);
    tell('1 of 3', 'moving', 0);
    tell('2 of 3', 'moving', 100);
    tell('on all 3', 'good', 200);
    tell('on all 3', 'good', 5000);
  });
  expect(lines).toEqual(['1 of 3', 'on all 3']);
});
