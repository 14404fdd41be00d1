/**
 * When a rollout will have ended, from what its targets took so far: each wave runs its targets through its slots, the
 * last one soaks, the next wave follows. Null where that cannot be said: nothing was healthy yet, or a person decides.
 * It takes for granted that what is ahead goes as what is behind.
 */
import { judgeWindows, type Window } from '../window/window.ts';
import { concurrencyOf } from './amount.ts';
import type { RolloutFacts } from './describe.ts';
import { gatesEndMs } from './checks.ts';
import { isUnapproved, openWave } from './gates.ts';
import { isInFlight } from './outcome.ts';
import { countOf, emptyTally, type RolloutTally, type WaveTally } from './tally.ts';
import { askerOf, isOpenTo, type Asker } from './windows.ts';

/** Longer in flight than so many times the median: it is taken to end at its deadline. */
const overdueTimes = 2;
/** Windows that close each other beyond this are taken for never open. */
const windowChangesMax = 100;

/** In ms, never before `nowMs`. */
export function estimateEnd(rollout: RolloutFacts, tally: RolloutTally, nowMs: number): number | null {
  if (rollout.phase !== 'Running' || rollout.heldDrops.length > 0) return null;
  let endMs: number | null = nowMs;
  for (let at = 0; at < rollout.waves.length && endMs !== null; at++)
    endMs = waveEnd(rollout, at, { tally, nowMs, fromMs: endMs });
  return endMs;
}

export interface Drain {
  /** Not started yet. */
  pending: number;
  /** At work, each to be ready in `leftMs` at the latest. */
  inFlight: number;
  leftMs: number;
  slots: number;
  takesMs: number;
}

/** How long until the last one is ready, each taking the next slot that is free, in ms. `leftMs` ≤ `takesMs`. */
export function drainMs({ pending, inFlight, leftMs, slots, takesMs }: Drain): number {
  const taken = Math.min(inFlight, slots);
  const rounds = Math.floor(pending / slots);
  const over = pending % slots;
  // In each round the slots that are free now come first, then those that are taken.
  const afterRounds = rounds * takesMs + (taken > 0 ? leftMs : 0);
  if (over === 0) return afterRounds;
  return over > slots - taken ? afterRounds + takesMs : Math.max(afterRounds, (rounds + 1) * takesMs);
}

interface Ahead {
  tally: RolloutTally;
  nowMs: number;
  /** When the wave before has ended. */
  fromMs: number;
}

function waveEnd(rollout: RolloutFacts, at: number, { tally, nowMs, fromMs }: Ahead): number | null {
  const wave = rollout.strategy.waves[at];
  const own = tally.waves[at] ?? emptyTally;
  const pending = own.counts.Pending ?? 0;
  const soaking = own.counts.Soaking ?? 0;
  const inFlight = countOf(own, isInFlight);
  if (wave === undefined || pending + inFlight + soaking === 0) return fromMs;
  const soakedMs = own.soakFromMs === null ? null : own.soakFromMs + wave.soakMs;
  if (pending + inFlight === 0) return soakedMs === null ? null : Math.max(fromMs, soakedMs);
  const startMs = pending === 0 ? fromMs : startOf(rollout, at, fromMs);
  const takesMs = tally.healthyAfterMs;
  if (startMs === null || takesMs === null) return null;
  const slots = concurrencyOf(
    wave.maxConcurrent,
    countOf(own, () => true),
  );
  const { leftMs, lostAtMs } = flightOf(own, takesMs, wave.deadlineMs, nowMs);
  const readyMs = startMs + drainMs({ pending, inFlight, leftMs, slots, takesMs });
  return Math.max(readyMs + wave.soakMs, soakedMs ?? 0, lostAtMs);
}

/** What has been in flight for long is expected to go on until its deadline. */
function flightOf(
  { assignedFirstMs, assignedLastMs }: WaveTally,
  takesMs: number,
  deadlineMs: number,
  nowMs: number,
): { leftMs: number; lostAtMs: number } {
  if (assignedFirstMs === null || assignedLastMs === null) return { leftMs: 0, lostAtMs: 0 };
  const isOverdue = nowMs - assignedFirstMs > overdueTimes * takesMs;
  const leftMs = Math.min(takesMs, Math.max(0, assignedLastMs + takesMs - nowMs));
  return { leftMs, lostAtMs: isOverdue ? assignedFirstMs + deadlineMs : 0 };
}

/** When the wave may assign; null: that is for a person, or never. */
function startOf(rollout: RolloutFacts, at: number, fromMs: number): number | null {
  const wave = rollout.strategy.waves[at];
  const progress = rollout.waves[at];
  if (wave === undefined || progress === undefined) return null;
  const isOpened = progress.openedAtMs !== null;
  if (!isOpened && isUnapproved(rollout, wave, at)) return null;
  const isNext = at <= openWave(rollout) + 1;
  const heldUntilMs = isNext ? (progress.announcedUntilMs ?? null) : null;
  const atMs = opensAt(wave.windows, Math.max(fromMs, heldUntilMs ?? 0), askerOf(rollout));
  return atMs === null || isOpened ? atMs : gatesEndMs(wave, progress, atMs);
}

function opensAt(windows: readonly Window[], fromMs: number, asker: Asker): number | null {
  let atMs = fromMs;
  for (let change = 0; change < windowChangesMax && windows.length > 0; change++) {
    const verdict = judgeWindows(windows, atMs);
    if (isOpenTo(verdict, asker)) return atMs;
    if (verdict.untilMs === null) return null;
    atMs = verdict.untilMs;
  }
  return windows.length === 0 ? atMs : null;
}
