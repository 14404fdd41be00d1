/** From maintained counters to the one word that an application shows: its worst target decides. */
import type { ApplicationResource, CurrencyResource, StageResource, StatusCounts } from './application.ts';

const syncWorstFirst = ['OutOfSync', 'Unknown', 'Synced'] as const;
const healthWorstFirst = ['Degraded', 'Missing', 'Unknown', 'Progressing', 'Suspended', 'Healthy'] as const;

/** `{"Synced/Healthy": 3}` as counts by sync and by health. */
export function countsOf(keys: Readonly<Record<string, number>>): StatusCounts {
  const counts: StatusCounts = { total: 0, sync: {}, health: {} };
  for (const [key, count] of Object.entries(keys)) {
    const [sync = 'Unknown', health = 'Unknown'] = key.split('/');
    counts.total += count;
    counts.sync[sync] = (counts.sync[sync] ?? 0) + count;
    counts.health[health] = (counts.health[health] ?? 0) + count;
  }
  return counts;
}

/** Without a target nothing is known. */
export function worstOf(counts: StatusCounts): Pick<ApplicationResource, 'sync' | 'health'> {
  return {
    sync: syncWorstFirst.find((word) => (counts.sync[word] ?? 0) > 0) ?? 'Unknown',
    health: healthWorstFirst.find((word) => (counts.health[word] ?? 0) > 0) ?? 'Unknown',
  };
}

export interface RolloutShown {
  phase: string;
  kind: string;
}

/** A rollout that is not done is why an application is not current, or a newest revision of which there is nothing to roll out. */
export function currencyOfRollout(
  rollout: RolloutShown | null,
  behind: number,
  unrendered: number | null = null,
): CurrencyResource {
  if (unrendered !== null)
    return { state: 'Held', behind: Math.max(1, behind), reason: `revision ${unrendered} does not render` };
  if (rollout === null || behind === 0) return { state: 'Current', behind: 0, reason: null };
  const held = heldBy(rollout);
  return held === null ? { state: 'Behind', behind, reason: null } : { state: 'Held', behind, reason: held };
}

/** With stages it is current where the last one has what the first one has. */
export function currencyOfStages(
  currency: CurrencyResource,
  stages: readonly Pick<StageResource, 'name' | 'revision' | 'candidate'>[],
): CurrencyResource {
  const behind = (stages[0]?.revision?.number ?? 0) - (stages.at(-1)?.revision?.number ?? 0);
  if (currency.state !== 'Current' || behind <= 0) return currency;
  const asking = stages.find(({ candidate }) => candidate?.state === 'AwaitingApproval');
  if (asking === undefined) return { state: 'Behind', behind, reason: null };
  return { state: 'Held', behind, reason: `${asking.name} waits for approval` };
}

/** What holds the targets of an application with this rollout, in two words; null: nothing does. The rollout says why. */
export function heldBy({ phase, kind }: RolloutShown): string | null {
  if (phase === 'AwaitingSync') return 'manual sync';
  if (phase === 'Paused') return 'rollout paused';
  return kind === 'rollback' ? 'rolling back' : null;
}
