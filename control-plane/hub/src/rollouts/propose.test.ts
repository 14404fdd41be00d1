import { emptyFleet } from '@flotilla/domain/rollout/state';
import { defaultStrategy } from '@flotilla/domain/rollout/strategy';
import { expect, test } from 'vitest';

import type { RevisionRow } from './fleet.store.ts';
import { proposeNewest, type ProposalInput } from './propose.ts';
import { observationsOf } from './seen.ts';

const seen = observationsOf(
  {
    targets: [],
    revisions: new Map(),
    variants: null,
    drop: () => null,
    prune: true,
    outages: [],
    rollbackId: 'x',
    syncWindows: [],
    application: { name: 'web', namespace: 'web' },
  },
  new Map(),
);

function inputOf(states: RevisionRow['state'][], change: Partial<ProposalInput> = {}): ProposalInput {
  const revisions = new Map(
    states.map((state, at) => [
      at + 1,
      {
        id: String(at),
        number: at + 1,
        state,
        error: null,
        variant: null,
        bundle: null,
        sizeBytes: 0,
        isLost: false,
        isTemplated: false,
        isFinal: false,
      },
    ]),
  );
  return {
    strategy: defaultStrategy,
    automated: true,
    revisions,
    newestProposed: 0,
    rolloutId: 'r',
    ...change,
  };
}

function proposed(input: ProposalInput, state = emptyFleet): number | null {
  const asked = proposeNewest(state, input, seen, 1);
  if (asked.state === state) return null;
  return (asked.state.open ?? asked.state.waiting)?.revision ?? null;
}

test('the newest revision that is ready is proposed, once', () => {
  expect(proposed(inputOf(['Ready', 'Ready']))).toBe(2);
  expect(proposed(inputOf(['Ready', 'Ready'], { newestProposed: 2 }))).toBe(null);
  expect(proposed(inputOf([]))).toBe(null);
});

test('a revision that does not render, or is rejected, leaves the one before it', () => {
  expect(proposed(inputOf(['Ready', 'Failed']))).toBe(1);
  expect(proposed(inputOf(['Ready', 'Rejected'], { newestProposed: 2 }))).toBe(null);
});

test('a revision that only clusters remember is not taken to others', () => {
  const input = inputOf(['Ready', 'Ready']);
  const lost = new Map(
    [...input.revisions].map(([number, row]) => [number, { ...row, isLost: number === 2 }]),
  );
  expect(proposed({ ...input, revisions: lost })).toBe(1);
  expect(proposed({ ...input, revisions: lost, newestProposed: 1 })).toBe(null);
});

test('nothing starts while a newer revision is being rendered', () => {
  expect(proposed(inputOf(['Ready', 'Candidate']))).toBe(null);
  expect(proposed(inputOf(['Ready', 'Candidate', 'Ready']))).toBe(3);
});

test('manual sync waits for a person, until sync becomes automated', () => {
  const manual = inputOf(['Ready'], { automated: false });
  const waiting = proposeNewest(emptyFleet, manual, seen, 1).state;
  expect(waiting.waiting).toMatchObject({ phase: 'AwaitingSync', revision: 1 });
  expect(proposed({ ...manual, newestProposed: 1 }, waiting)).toBe(null);
  const freed = proposeNewest(
    waiting,
    { ...manual, newestProposed: 1, automated: true, rolloutId: 's' },
    seen,
    1,
  ).state;
  expect(freed.waiting).toBe(null);
  expect(freed.open ?? freed.closed.find(({ id }) => id === 's')).toMatchObject({ revision: 1 });
});
