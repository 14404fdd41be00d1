/** What a look or a person's word changed, over all stages of an application, as it is to be written. */
import { changesOf, isUnchanged, type Changes } from '@flotilla/domain/rollout/changes';
import type { StageMemory } from '@flotilla/domain/promotion/arrange';
import type { Stage } from '@flotilla/domain/promotion/stage';
import type { FleetState } from '@flotilla/domain/rollout/state';

import type { HubTransaction } from '../platform/transaction.ts';
import { storedStage, type StoredApplicationState } from './fleetRows.ts';
import type { Context } from './load.ts';
import * as saved from './save.store.ts';

export interface Changed extends Pick<Changes, 'outcomes' | 'targets'> {
  stages: readonly { stage: Stage; memory: StageMemory; after: FleetState }[];
  /** Of stages that are no more first: they make room. */
  rollouts: readonly { stage: string; rollouts: Changes['rollouts'] }[];
  rejectedBefore: readonly number[];
  rejected: readonly number[];
  confirmedDrops: readonly number[];
  isChanged: boolean;
}

/** `decided`: of each stage, in order; null: nothing was. */
export function changedBy(
  context: Context,
  decided: { stages: readonly { memory: StageMemory; after: FleetState }[] } | null,
): Changed {
  const stages = context.stages.map(({ stage, memory, state }, at) => ({
    stage,
    ...(decided?.stages[at] ?? { memory, after: state }),
  }));
  const ended = context.ended.map(({ name, before, state }) => ({
    stage: name,
    ...changesOf(before, state),
  }));
  const changed = stages.map(({ stage, after }, at) => ({
    stage: stage.name,
    ...changesOf(context.stages[at]!.before, after),
  }));
  const isKept = stages.every(({ memory }, at) => memory === context.stages[at]!.memory);
  const last = stages.at(-1)?.after;
  return {
    stages,
    rollouts: [...ended, ...changed],
    outcomes: [...ended, ...changed].flatMap(({ outcomes }) => outcomes),
    targets: changed.flatMap(({ targets }) => targets),
    rejectedBefore: context.stages[0]?.before.rejected ?? [],
    rejected: last?.rejected ?? [],
    confirmedDrops: last?.confirmedDrops ?? [],
    isChanged: context.isRearranged || !isKept || ended.length > 0 || !changed.every(isUnchanged),
  };
}

export async function saveRollouts(
  tx: HubTransaction,
  { application, revisions }: Pick<Context, 'application' | 'revisions'>,
  { rollouts }: Changed,
): Promise<void> {
  for (const { stage, rollouts: changed } of rollouts)
    await saved.saveRollouts(tx, application, stage, revisions, changed);
}

/** `operations`: options of `sync now` by target; those of `entries`, and what was refused or is gone, are not remembered. */
export function storedState(
  { stages, confirmedDrops }: Changed,
  operations: NonNullable<StoredApplicationState['operations']>,
  entries: readonly { target: string }[],
): StoredApplicationState {
  const assigned = new Set(entries.map(({ target }) => target));
  const left = Object.entries(operations).filter(([id]) => !assigned.has(id) && isToCome(stages, id));
  return {
    confirmedDrops: [...confirmedDrops],
    ...ownState(stages),
    ...(left.length > 0 && { operations: Object.fromEntries(left) }),
  };
}

function isToCome(stages: Changed['stages'], id: string): boolean {
  return stages.some(
    ({ after }) =>
      after.targets.get(id)?.lane?.outcome === 'Pending' ||
      after.open?.outcomes.get(id)?.outcome === 'Pending',
  );
}

function ownState(stages: Changed['stages']): StoredApplicationState {
  const kept = stages.map(({ memory, after }) => storedStage(memory, after));
  const [only] = kept;
  if (only === undefined || only.name !== '') return { stages: kept };
  const { laneDrops = [], laneForgiven = 0, sinceMs = 0, inherited = [] } = only;
  return { laneDrops, laneForgiven, ...(sinceMs > 0 && { sinceMs, inherited }) };
}
