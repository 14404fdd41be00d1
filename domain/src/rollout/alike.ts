/** What a step says alike of many targets, said once: a wave of thousands is one decision, not thousands. */
import type { RolloutEvent } from './step.ts';

/** An event and everyone it concerns: none where it is about the whole rollout. */
export interface SharedEvent extends Omit<RolloutEvent, 'target'> {
  /** Without `assignment`, which differs from target to target. */
  detail: RolloutEvent['detail'];
  targets: readonly string[];
  /** Of each target, in the same order; null: the event names none. */
  assignments: readonly (number | null)[];
}

interface Sharing extends SharedEvent {
  targets: string[];
  assignments: (number | null)[];
}

/** In the order of their first ones. Nothing is lost: every target is under exactly the words that were said of it. */
export function shareEvents(events: readonly RolloutEvent[]): SharedEvent[] {
  const shared = new Map<string, Sharing>();
  for (const { rollout, kind, target, message, detail } of events) {
    const { assignment = null, ...rest } = detail;
    // What concerns the whole rollout may be said twice, and is then there twice.
    const key = target === '' ? `${shared.size}` : JSON.stringify([rollout, kind, message, rest]);
    const known = shared.get(key);
    const at = known ?? {
      rollout,
      kind,
      message,
      detail: target === '' ? detail : rest,
      targets: [],
      assignments: [],
    };
    if (known === undefined) shared.set(key, at);
    if (target === '') continue;
    at.targets.push(target);
    at.assignments.push(assignment as number | null);
  }
  return [...shared.values()];
}
