import { expect, test } from 'vitest';
import { groupsOf, OWN_PROCESS_MAX } from './agents.ts';

const agents = (count: number) => Array.from({ length: count }, (_, index) => index);

test('few agents have a process each', () => {
  expect(groupsOf(agents(OWN_PROCESS_MAX), 2).map((group) => group.length)).toEqual([1, 1, 1, 1, 1, 1]);
});

test('many share as many processes as there are cores, each agent in one of them', () => {
  const groups = groupsOf(agents(201), 4);
  expect(groups.map((group) => group.length)).toEqual([51, 50, 50, 50]);
  expect(groups.flat().sort((a, b) => a - b)).toEqual(agents(201));
});
