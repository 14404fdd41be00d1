/**
 * May new assignments go out to a target now? By the sync windows of its project and by those of its wave, or of the lane.
 * Judged once in a step for each set of windows: a fleet has many targets and few windows.
 */
import { judgeWindows, type Window, type WindowVerdict } from '../window/window.ts';
import type { Draft } from './draft.ts';
import { automation, type Rollout } from './state.ts';
import type { Observations } from './step.ts';

/** Who asks: a person may pass where a window has `manualSync`. */
export type Asker = 'automation' | 'person';

/** Which window is in the way and until when, for people; '' when none is. */
export function closedBy(
  draft: Draft,
  seen: Pick<Observations, 'windows'>,
  target: string,
  own: readonly Window[],
  asker: Asker,
): string {
  return closedText(draft, seen.windows(target), asker) || closedText(draft, own, asker);
}

export function askerOf(rollout: Rollout): Asker {
  return rollout.createdBy === automation ? 'automation' : 'person';
}

/** When the earliest window of those that were asked for opens or closes; null: none does. */
export function nextWindowChange(draft: Draft): number | null {
  const times = [...draft.windows.values()].map(({ untilMs }) => untilMs).filter((time) => time !== null);
  return times.length === 0 ? null : Math.min(...times);
}

function closedText(draft: Draft, windows: readonly Window[], asker: Asker): string {
  if (windows.length === 0) return '';
  const verdict = verdictOf(draft, windows);
  if (asker === 'person' ? verdict.isOpenToPeople : verdict.isOpen) return '';
  return closedWords(verdict);
}

/** `a sync window until 2026-11-25 08:00 UTC (allows from …)` */
function closedWords({ untilMs, reason }: WindowVerdict): string {
  const until =
    untilMs === null ? '' : ` until ${new Date(untilMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  return `a sync window${until} (${reason})`;
}

function verdictOf(draft: Draft, windows: readonly Window[]): WindowVerdict {
  const known = draft.windows.get(windows);
  if (known !== undefined) return known;
  const verdict = judgeWindows(windows, draft.nowMs);
  draft.windows.set(windows, verdict);
  return verdict;
}
