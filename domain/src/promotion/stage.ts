/**
 * Stages: the fleets that one application's revisions go through one after the other, dev → staging → production. Each
 * stage has its own targets, rollouts, lane and budgets, and moves by domain/rollout as an application without stages
 * does; what goes from one to the next is decided in `candidate.ts`.
 */
import type { Strategy, WaveMatch } from '../rollout/strategy.ts';
import { matchesExplicitly, type WaveMember } from '../rollout/waves.ts';

export interface Stage {
  /** '' is the one stage of an application without any. */
  name: string;
  /** `rest` only of the last one. */
  match: Exclude<WaveMatch, { type: 'percent' }>;
  strategy: Strategy;
  /** How long the stage before must have been healthy with a revision; 0 for the first. */
  soakMs: number;
  /** A person must promote what has soaked. */
  approval: boolean;
}

/** Name of the first stage that matches; what none does goes with the last. */
export function stageOf(stages: readonly Stage[], member: WaveMember): string {
  const found = stages.find(({ match }) => matchesExplicitly(match, member)) ?? stages.at(-1);
  return found?.name ?? '';
}

/** How many match no stage though the last one says which clusters are its own. */
export function unmatchedBy(stages: readonly Stage[], members: Iterable<WaveMember>): number {
  if (stages.at(-1)?.match.type === 'rest') return 0;
  let count = 0;
  for (const member of members) if (!stages.some(({ match }) => matchesExplicitly(match, member))) count += 1;
  return count;
}
