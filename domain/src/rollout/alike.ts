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
  const shared: Sharing[] = [];
  const known = new Map<string, Sharing>();
  let last: { event: RolloutEvent; at: Sharing } | null = null;
  for (const event of events) {
    // What concerns the whole rollout may be said twice, and is then there twice.
    if (event.target === '') {
      shared.push(sharing(event, event.detail));
      continue;
    }
    const at: Sharing =
      last !== null && isAlike(last.event, event) ? last.at : knownSharing(known, shared, event);
    last = { event, at };
    at.targets.push(event.target);
    at.assignments.push((event.detail['assignment'] ?? null) as number | null);
  }
  return shared;
}

function knownSharing(known: Map<string, Sharing>, shared: Sharing[], event: RolloutEvent): Sharing {
  const detail = { ...event.detail };
  delete detail['assignment'];
  const key = JSON.stringify([event.rollout, event.kind, event.message, detail]);
  const before = known.get(key);
  if (before !== undefined) return before;
  const made = sharing(event, detail);
  known.set(key, made);
  shared.push(made);
  return made;
}

function sharing({ rollout, kind, message }: RolloutEvent, detail: RolloutEvent['detail']): Sharing {
  return { rollout, kind, message, detail, targets: [], assignments: [] };
}

/** A wave says the same of one target after the other: that is seen without spelling it out. */
function isAlike(a: RolloutEvent, b: RolloutEvent): boolean {
  if (a.kind !== b.kind || a.message !== b.message || a.rollout !== b.rollout) return false;
  const keys = Object.keys(a.detail);
  if (keys.length !== Object.keys(b.detail).length) return false;
  return keys.every((key) => key in b.detail && (key === 'assignment' || a.detail[key] === b.detail[key]));
}
