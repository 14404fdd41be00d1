import { expect, test } from 'vitest';
import type { SeenRollout } from './sight.ts';
import { rolloutView } from './view.ts';

const rollout = {
  application: 'shop',
  revisionNumber: 3,
  kind: 'forward',
  phase: 'Running',
  phaseReason: null,
  createdAt: '2026-11-24T12:00:00Z',
  startedAt: '2026-11-24T12:00:01Z',
  closedAt: null,
  waveNames: ['canary', 'rest'],
  waves: [
    { wave: 0, total: 2, outcomes: { Succeeded: 1, Soaking: 1 } },
    { wave: 1, total: 3, outcomes: { Pending: 1, Deferred: 1, Failed: 1 } },
  ],
} as unknown as SeenRollout;
const nowMs = Date.parse('2026-11-24T12:00:05Z');

test('a wave counts what is done, also what does not hold it, what failed and what is under way', () => {
  expect(rolloutView(rollout, '', nowMs)).toMatchObject({
    forMs: 4000,
    waves: [
      { name: 'canary', total: 2, done: 1, inFlight: 1, failed: 0 },
      { name: 'rest', total: 3, done: 1, inFlight: 0, failed: 1 },
    ],
  });
});

test('of a rollout that was cut short only what succeeded is done', () => {
  const waves = [{ wave: 0, total: 3, outcomes: { Succeeded: 1, RolledBack: 1, Skipped: 1 } }];
  const cut = { ...rollout, phase: 'RolledBack', closedAt: '2026-11-24T12:00:03Z', waves };
  expect(rolloutView(cut, '', nowMs)).toMatchObject({ forMs: 2000, waves: [{ done: 1, total: 3 }] });
});
