/**
 * Clusters that lost the inventory of an application and rebuilt it from the marks on its objects. What a rebuilt inventory
 * says is deleted only after a person has confirmed it, which is asked once for all clusters. Pure.
 */
import { retryAll } from '@flotilla/domain/rollout/verbs';

import { conflict } from '../http/problem.ts';
import type { StoredApplicationState } from './fleetRows.ts';
import type { Context } from './load.ts';
import { confirmedRemovals } from './removal.ts';
import type { SeenTargetRow } from './seenTargets.store.ts';
import type { EntryToSave } from './targets.store.ts';
import type { Done } from './verb.ts';

type Operations = NonNullable<StoredApplicationState['operations']>;

/** Of which a person is asked: an answer that is on its way is no question any more. The rule stands in SQL in `questions.store.ts` too. */
export function rebuiltTargets(targets: readonly SeenTargetRow[], operations: Operations): SeenTargetRow[] {
  return targets.filter(
    ({ id, state, rebuiltHeld, assignment, observedAssignment }) =>
      rebuiltHeld !== null &&
      assignment === observedAssignment &&
      (state === 'Removing' || operations[id]?.force !== true),
  );
}

export const rebuiltText =
  'clusters lost their inventory and rebuilt it: nothing is deleted there until a person confirms it';

/** A person answers for what was shown. @throws Problem where it is another number by now */
export function requireAsShown(what: string, count: number, shown: number | undefined): void {
  if (shown !== undefined && shown !== count)
    throw conflict(`${count} ${what} wait for confirmation by now, not ${shown}: look again`);
}

export interface Confirmed extends Done {
  /** Their next assignment confirms it. */
  operations: Operations;
  /** Of targets that are on their way out. */
  entries: EntryToSave[];
  confirmed: number;
}

/** `expected`: as many as the person was shown. @throws Problem where it is refused, with the reason */
export function confirmInventory(context: Context, by: string, expected: number | undefined): Confirmed {
  const asked = rebuiltTargets(context.targets, context.application.rolloutState.operations ?? {});
  if (asked.length === 0) throw conflict('no rebuilt inventory waits for confirmation');
  requireAsShown('clusters', asked.length, expected);
  const entries = confirmedRemovals(
    asked.filter(({ state }) => state === 'Removing'),
    by,
  );
  // Of an application that is being removed nothing is assigned any more: the others are asked about when they go.
  const isLiving = context.application.removal === null;
  const ids = asked.filter(({ state }) => isLiving && state !== 'Removing').map(({ id }) => id);
  const results = context.stages.map(({ state }) => {
    const own = ids.filter((id) => state.targets.has(id));
    return retryAll(state, own, by, context.nowMs);
  });
  const retried = results.flatMap((result) => result.retried);
  if (retried.length + entries.length === 0)
    throw conflict('its clusters are under way, or about to leave: confirm it once they have come to an end');
  return {
    stage: null,
    stages: context.stages.map(({ memory }, at) => ({ memory, after: results[at]!.state })),
    events: results.flatMap(({ events }) => events),
    operations: Object.fromEntries(retried.map((id) => [id, { force: true, initiatedBy: by }])),
    entries,
    confirmed: retried.length + entries.length,
  };
}
