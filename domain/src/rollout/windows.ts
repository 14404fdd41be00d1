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

/** What is in the way: in words, which say until when, and that time in ms; null: nobody knows. '': nothing is. */
export interface Hold {
  words: string;
  untilMs: number | null;
}

export const noHold: Hold = { words: '', untilMs: null };

/** Which window is in the way. */
export function closedBy(
  draft: Draft,
  seen: Pick<Observations, 'windows'>,
  target: string,
  own: readonly Window[],
  asker: Asker,
): Hold {
  const closed = holdOf(draft, seen.windows(target), asker);
  return closed.words === '' ? holdOf(draft, own, asker) : closed;
}

export function askerOf(rollout: Pick<Rollout, 'createdBy'>): Asker {
  return rollout.createdBy === automation ? 'automation' : 'person';
}

/** When the earliest window of those that were asked for opens or closes; null: none does. */
export function nextWindowChange(draft: Draft): number | null {
  const times = [...draft.windows.values()].map(({ untilMs }) => untilMs).filter((time) => time !== null);
  return times.length === 0 ? null : Math.min(...times);
}

function holdOf(draft: Draft, windows: readonly Window[], asker: Asker): Hold {
  if (windows.length === 0) return noHold;
  const verdict = verdictOf(draft, windows);
  if (isOpenTo(verdict, asker)) return noHold;
  return { words: closedWords(verdict), untilMs: verdict.untilMs };
}

export function isOpenTo({ isOpen, isOpenToPeople }: WindowVerdict, asker: Asker): boolean {
  return asker === 'person' ? isOpenToPeople : isOpen;
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
