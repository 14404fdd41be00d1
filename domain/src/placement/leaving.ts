/**
 * What happens to targets that the placement no longer picks: first a grace in which nothing changes on the cluster,
 * and, when many leave at once, a question to a person. Undoing the change ends it. A mistyped label must not
 * uninstall a fleet.
 */

export const graceDefaultMs = 10 * 60_000;
export const massLeaveWindowMs = 10 * 60_000;
/** Both must be exceeded or reached: more than this share, and at least this many. */
export const massLeaveShare = 0.2;
export const massLeaveMin = 3;

export interface Leaving {
  sinceMs: number;
  /** When the target becomes Removing; while held it does not. */
  untilMs: number;
  held: boolean;
}

export interface LeavingTarget {
  id: string;
  placed: boolean;
  /** Null: not leaving. */
  leaving: Leaving | null;
}

export interface LeavingOptions {
  graceMs: number;
  /** Mass leave of this application was confirmed for targets that left at or before this time; null: never. */
  confirmedAtMs: number | null;
}

export interface LeavingStep {
  /** Targets whose `leaving` changes; null: it stays. */
  changed: ReadonlyMap<string, Leaving | null>;
  /** Grace over, not held: to become Removing. */
  due: readonly string[];
  /** The one question for a person, or null. */
  question: { targets: number; of: number } | null;
  /** When the next grace ends; null: none is running. */
  wakeAtMs: number | null;
}

/**
 * One look at all targets of an application (Removing ones left out). Total, and stable: on its own result with the
 * same clock it changes nothing.
 */
export function leaving(
  targets: readonly LeavingTarget[],
  options: LeavingOptions,
  nowMs: number,
): LeavingStep {
  const after = targets.map((target) => ({ target, leaving: leavingOf(target, options, nowMs) }));
  const guarded = holdMass(after, options, nowMs);
  const changed = new Map<string, Leaving | null>();
  for (const { target, leaving } of guarded)
    if (!same(target.leaving, leaving)) changed.set(target.id, leaving);
  const open = guarded.flatMap(({ target, leaving }) =>
    leaving === null ? [] : [{ id: target.id, ...leaving }],
  );
  const heldCount = open.filter((entry) => entry.held).length;
  const running = open.filter((entry) => !entry.held && entry.untilMs > nowMs).map((entry) => entry.untilMs);
  return {
    changed,
    due: open.filter((entry) => !entry.held && entry.untilMs <= nowMs).map((entry) => entry.id),
    question: heldCount === 0 ? null : { targets: heldCount, of: targets.length },
    wakeAtMs: running.length === 0 ? null : Math.min(...running),
  };
}

interface Considered {
  target: LeavingTarget;
  leaving: Leaving | null;
}

function leavingOf(target: LeavingTarget, options: LeavingOptions, nowMs: number): Leaving | null {
  if (target.placed) return null;
  return target.leaving ?? { sinceMs: nowMs, untilMs: nowMs + options.graceMs, held: false };
}

/** Counts who left within the window, confirmed ones aside; too many are held together, and stay held until answered or undone. */
function holdMass(all: readonly Considered[], options: LeavingOptions, nowMs: number): Considered[] {
  const recent = all.filter(
    ({ leaving }) =>
      leaving !== null && !isConfirmed(leaving, options) && leaving.sinceMs > nowMs - massLeaveWindowMs,
  );
  const isMass = recent.length >= massLeaveMin && recent.length > massLeaveShare * all.length;
  const masses = new Set(isMass ? recent : []);
  return all.map((entry) => {
    if (entry.leaving === null) return entry;
    if (isConfirmed(entry.leaving, options)) return { ...entry, leaving: release(entry.leaving, nowMs) };
    const held = entry.leaving.held || masses.has(entry);
    return { ...entry, leaving: { ...entry.leaving, held } };
  });
}

function isConfirmed(leaving: Leaving, options: LeavingOptions): boolean {
  return options.confirmedAtMs !== null && leaving.sinceMs <= options.confirmedAtMs;
}

function release(leaving: Leaving, nowMs: number): Leaving {
  return leaving.held ? { ...leaving, held: false, untilMs: Math.max(leaving.untilMs, nowMs) } : leaving;
}

function same(a: Leaving | null, b: Leaving | null): boolean {
  if (a === null || b === null) return a === b;
  return a.sinceMs === b.sinceMs && a.untilMs === b.untilMs && a.held === b.held;
}
