/**
 * The working copy of one step or verb. Only here is anything changed in place, and only what this step made itself:
 * the state that came in stays as it was, and what the step leaves alone keeps its reference.
 */
import type { Digest } from '../digest/sha256.ts';
import type { Window, WindowVerdict } from '../window/window.ts';
import { entitled } from './entitled.ts';
import { isInFlight } from './outcome.ts';
import type { FleetState, Rollout, TargetOutcome, TargetState } from './state.ts';
import type {
  Assignment,
  Drop,
  Observations,
  Rendering,
  RolloutEvent,
  RolloutEventKind,
  Step,
  WantedCheck,
} from './step.ts';

export interface Draft {
  readonly before: FleetState;
  readonly nowMs: number;
  state: FleetState;
  targets: Map<string, TargetState>;
  assignments: Assignment[];
  events: RolloutEvent[];
  renders: Map<string, { revision: number; target: string }>;
  drops: Map<string, { from: Digest; to: Digest }>;
  checks: Map<string, WantedCheck>;
  /** When gates that are waited for are checked next. */
  checkTimes: Set<number>;
  /** What was judged of sync windows in this step. */
  windows: Map<readonly Window[], WindowVerdict>;
}

export function draftOf(state: FleetState, nowMs: number): Draft {
  return {
    before: state,
    nowMs,
    state,
    targets: new Map(state.targets),
    assignments: [],
    events: [],
    renders: new Map(),
    drops: new Map(),
    checks: new Map(),
    checkTimes: new Set(),
    windows: new Map(),
  };
}

/** The state after the draft, with every target's `entitled` up to date. */
export function stateOf(draft: Draft): FleetState {
  let isSame = draft.targets.size === draft.before.targets.size;
  for (const target of draft.targets.values()) {
    const revision = entitled(target, draft.state);
    if (revision !== target.entitled) draft.targets.set(target.id, { ...target, entitled: revision });
    isSame &&= draft.targets.get(target.id) === draft.before.targets.get(target.id);
  }
  return { ...draft.state, targets: isSame ? draft.before.targets : draft.targets };
}

export function stepOf(draft: Draft, wakeAtMs: number | null): Step {
  return {
    state: stateOf(draft),
    assignments: draft.assignments,
    events: draft.events,
    wanted: {
      renders: [...draft.renders.values()],
      drops: [...draft.drops.values()],
      checks: [...draft.checks.values()],
    },
    wakeAtMs,
  };
}

export function setTarget(draft: Draft, id: string, change: Partial<TargetState>): void {
  const target = draft.targets.get(id);
  if (target !== undefined) draft.targets.set(id, { ...target, ...change });
}

export function setOpen(draft: Draft, change: Partial<Rollout>): void {
  const { open } = draft.state;
  if (open !== null) draft.state = { ...draft.state, open: { ...open, ...change } };
}

/** Replaces outcomes of the open rollout in one copy. */
export function setOutcomes(draft: Draft, changed: ReadonlyMap<string, TargetOutcome>): void {
  const { open } = draft.state;
  if (open === null || changed.size === 0) return;
  const outcomes = new Map(open.outcomes);
  for (const [target, outcome] of changed) outcomes.set(target, outcome);
  setOpen(draft, { outcomes });
}

export function tell(
  draft: Draft,
  kind: RolloutEventKind,
  message: string,
  about: { rollout?: string; target?: string; detail?: RolloutEvent['detail'] } = {},
): void {
  const rollout = about.rollout ?? draft.state.open?.id ?? '';
  draft.events.push({ rollout, kind, target: about.target ?? '', message, detail: about.detail ?? {} });
}

/** Asks for a rendering, and notes it as wanted where there is none yet. */
export function renderingOf(draft: Draft, seen: Observations, revision: number, target: string): Rendering {
  const rendering = seen.render(revision, target);
  if (rendering.state === 'Pending') draft.renders.set(`${revision} ${target}`, { revision, target });
  return rendering;
}

/** Asks for a counted drop, and notes it as wanted where there is none yet. */
export function dropOf(draft: Draft, seen: Observations, from: Digest | null, to: Digest): Drop | null {
  if (from === null || from === to) return { dropped: 0, total: 0 };
  const drop = seen.drop(from, to);
  if (drop === null) draft.drops.set(`${from} ${to}`, { from, to });
  return drop;
}

export function inFlightCount(rollout: Rollout): number {
  let count = rollout.carried.length;
  for (const { outcome } of rollout.outcomes.values()) if (isInFlight(outcome)) count += 1;
  return count;
}

/** Success here, newest first. */
export function noteSuccess(draft: Draft, targetId: string, revision: number): void {
  const target = draft.targets.get(targetId);
  if (target === undefined || target.healthy[0] === revision) return;
  const healthy = [revision, ...target.healthy.filter((earlier) => earlier !== revision)].slice(0, 10);
  setTarget(draft, targetId, { healthy });
}
