import { expect, test } from 'vitest';
import { shareEvents } from './alike.ts';
import type { RolloutEvent } from './step.ts';

function assigned(target: string, assignment: number): RolloutEvent {
  const detail = { outcome: 'Assigned', assignment, wave: 1 };
  return { rollout: 'r', kind: 'Outcome', target, message: 'Assigned', detail };
}

function about(message: string): RolloutEvent {
  return { rollout: 'r', kind: 'WaveOpened', target: '', message, detail: { targets: 2 } };
}

test('what is said of several targets is said once, with every target and its assignment', () => {
  expect(shareEvents([assigned('a', 3), assigned('b', 7)])).toEqual([
    {
      rollout: 'r',
      kind: 'Outcome',
      message: 'Assigned',
      detail: { outcome: 'Assigned', wave: 1 },
      targets: ['a', 'b'],
      assignments: [3, 7],
    },
  ]);
});

test('other words, another detail or another rollout is another event, in the order of the first', () => {
  const failed = { ...assigned('b', 4), message: 'Failed(operation): no' };
  const elsewhere = { ...assigned('c', 1), rollout: 's' };
  const laterWave = { ...assigned('d', 1), detail: { outcome: 'Assigned', assignment: 1, wave: 2 } };
  const shared = shareEvents([
    about('wave one'),
    failed,
    assigned('a', 3),
    elsewhere,
    laterWave,
    assigned('e', 9),
  ]);
  expect(shared.map(({ targets }) => targets)).toEqual([[], ['b'], ['a', 'e'], ['c'], ['d']]);
});

test('what concerns the whole rollout stays as it was said, also when it was said twice', () => {
  const shared = shareEvents([about('waits'), about('waits')]);
  expect(shared).toHaveLength(2);
  expect(shared[0]).toMatchObject({ message: 'waits', detail: { targets: 2 }, targets: [], assignments: [] });
});

test('a detail that has another member, or lacks one, is another event also beside its like', () => {
  const more: RolloutEvent = { ...assigned('b', 2), detail: { ...assigned('b', 2).detail, reason: '' } };
  const { outcome, wave } = assigned('c', 3).detail as { outcome: string; wave: number };
  const without: RolloutEvent = { ...assigned('c', 3), detail: { outcome, wave } };
  const shared = shareEvents([assigned('a', 1), more, without, assigned('d', 4)]);
  expect(shared.map(({ targets }) => targets)).toEqual([['a', 'c', 'd'], ['b']]);
  expect(shared[0]?.assignments).toEqual([1, null, 4]);
});
