import type { TargetOutcome } from '@flotilla/domain/rollout/state';
import { defaultStrategy } from '@flotilla/domain/rollout/strategy';
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { outcomeDetail, rolloutOf, type OutcomeRow, type RolloutRow } from './fleetRows.ts';

const time = fc.option(fc.nat());

const outcomes: fc.Arbitrary<TargetOutcome> = fc.record({
  target: fc.uuid(),
  revision: fc.nat(),
  outcome: fc.constantFrom('Pending', 'Soaking', 'Failed'),
  reason: fc.constantFrom('', 'deadline'),
  message: fc.string(),
  assignment: time,
  assignedAtMs: time,
  echoedAtMs: time,
  soakedMs: fc.nat(),
  healthyFromMs: time,
  finishedAtMs: time,
  wave: fc.nat(),
  regressedAtMs: time,
  givenBefore: time,
});

test('an outcome comes back from its row as it was, whatever its state leaves out', () => {
  fc.assert(
    fc.property(outcomes, (outcome) => {
      const { target: targetId, wave, outcome: type, reason, assignment } = outcome;
      const state = JSON.parse(JSON.stringify(outcomeDetail(outcome))) as OutcomeRow['state'];
      const row = {
        rolloutId: 'r',
        targetId,
        wave,
        outcome: type,
        reason: reason || null,
        assignment,
        state,
      };
      expect(rolloutOf(rolloutRow, [row]).outcomes.get(targetId)).toEqual(outcome);
    }),
  );
});

test('a target that waits for its turn stores its revision only', () => {
  const [outcome] = fc.sample(outcomes, 1);
  const waiting = { message: '', assignedAtMs: null, echoedAtMs: null, soakedMs: 0, healthyFromMs: null };
  const pending = { ...outcome!, ...waiting, finishedAtMs: null, regressedAtMs: null, givenBefore: null };
  expect(outcomeDetail({ ...pending, revision: 4 })).toEqual({ revision: 4 });
});

const rolloutRow: RolloutRow = {
  id: 'r',
  stage: '',
  kind: 'forward',
  ofId: null,
  revisionNumber: 1,
  phase: 'Running',
  phaseReason: null,
  strategy: defaultStrategy,
  state: {},
  createdBy: 'somebody',
  createdAt: new Date(0),
  startedAt: null,
  closedAt: null,
};
