import { expect, test } from 'vitest';
import { clock, isWorthALine, tableHead, tableLine, type Sample } from './timeline.ts';
import { timelineChart } from './timelineChart.ts';

const sample = (atMs: number, states: [string, string], outcomes: Record<string, number>): Sample => ({
  atMs,
  phase: 'Running',
  waves: [
    { name: 'canary', state: states[0], total: 20, outcomes },
    { name: 'rest', state: states[1], total: 80, outcomes: { Pending: 80 } },
  ],
});

const begun = sample(0, ['Running', 'Waiting'], { Assigned: 5, Progressing: 2, Pending: 13 });
const ended = sample(67_000, ['Done', 'Waiting'], { Succeeded: 17, Failed: 1, Deferred: 2 });

test('a line tells each wave by what became of its targets', () => {
  expect(tableHead(begun)).toBe(`time   ${'canary (20)'.padEnd(37)}rest (80)`);
  expect(tableLine(begun)).toBe(`0:00   ${'7 moving'.padEnd(37)}·`);
  expect(tableLine(ended)).toBe(`1:07   ${'17 ok 1 failed 2 off'.padEnd(37)}·`);
});

test.each([
  ['the first', begun, null, true],
  ['a state that changed', sample(500, ['Soaking', 'Waiting'], {}), begun, true],
  ['counts that changed', sample(500, ['Running', 'Waiting'], { Succeeded: 20 }), begun, false],
  ['counts ten seconds later', sample(10_000, ['Running', 'Waiting'], {}), begun, true],
])('%s is worth a line: %#', (_name, after, before, worth) => {
  expect(isWorthALine(after, before)).toBe(worth);
});

test('the chart fills a band for each wave up to its full height', () => {
  const svg = timelineChart([begun, ended], 'a rollout');
  expect(svg.match(/>canary<|>rest</g)).toHaveLength(2);
  const bands = [...svg.matchAll(/<path fill="([^"]+)" d="M([^Z]+)Z"/g)];
  expect(bands.map(([, colour]) => colour)).toContain('#dc2626');
  const heights = bands.flatMap(([, , path]) =>
    (path ?? '').split('L').map((point) => Number(point.split(' ')[1])),
  );
  // The first band spans 56 to 110, the second 122 to 176.
  expect([Math.min(...heights), Math.max(...heights)]).toEqual([56, 176]);
});

test('time is minutes and seconds', () => {
  expect(clock(3_605_000)).toBe('60:05');
});
