/**
 * Second half of a step, first part: is the failure budget kept, has a gate failed, is the present wave done, may the next
 * one open? Halts, opens or completes; assigns nothing.
 */
import { askForChecks, failedGate, failedWords, waiveGates } from './checks.ts';
import { setOpen, setTarget, tell, type Draft } from './draft.ts';
import { failuresOf } from './amount.ts';
import { isFinished } from './outcome.ts';
import { close, openRollback } from './phases.ts';
import { automation, type Rollout, type TargetOutcome, type WaveProgress } from './state.ts';
import type { Observations } from './step.ts';
import type { Wave } from './strategy.ts';
import { askerOf, closedBy, noHold, type Hold } from './windows.ts';

/** Index of the last opened wave; -1 before the first. */
export function openWave(rollout: Pick<Rollout, 'waves'>): number {
  return rollout.waves.findLastIndex((wave) => wave.openedAtMs !== null);
}

export function membersOf({ outcomes }: Rollout, wave: number): readonly TargetOutcome[] {
  const known = sorted.get(outcomes) ?? Map.groupBy(outcomes.values(), (outcome) => outcome.wave);
  sorted.set(outcomes, known);
  return known.get(wave) ?? [];
}

/** Outcomes by wave: a step asks for them many times, and outcomes that change are others. */
const sorted = new WeakMap<Rollout['outcomes'], ReadonlyMap<number, readonly TargetOutcome[]>>();

/** What counts in the budget: failures, and successes that turned bad. A leaver no longer counts. */
export function failuresIn(members: readonly TargetOutcome[]): TargetOutcome[] {
  return members.filter(({ outcome, regressedAtMs }) => outcome === 'Failed' || regressedAtMs !== null);
}

/** Halts a Running rollout whose wave failed more often than it may. */
export function keepBudget(draft: Draft, seen: Observations): void {
  const { open } = draft.state;
  if (open === null || open.phase !== 'Running') return;
  const broken = open.strategy.waves.findIndex((wave, at) => isOver(open, wave, at));
  if (broken < 0) return;
  const forgiven = failuresIn(membersOf(open, broken)).length;
  halt(draft, open, seen, { reason: brokenReason(open, broken), at: broken, forgive: { forgiven } });
}

/** Halts a Running rollout one of whose gates failed more often than it may, as the failure budget does. */
export function keepGates(draft: Draft, seen: Observations): void {
  const { open } = draft.state;
  if (open === null || open.phase !== 'Running') return;
  const at = openWave(open) + 1;
  const wave = open.strategy.waves[at];
  const progress = open.waves[at];
  if (wave === undefined || progress === undefined) return;
  const failed = failedGate(wave, progress);
  if (failed === null) return;
  const forgive = { gates: waiveGates(wave, progress, automation, (gate) => gate === failed.gate) };
  halt(draft, open, seen, { reason: `wave ${wave.name}: ${failedWords(failed)}`, at, forgive });
}

interface Halt {
  reason: string;
  /** The wave, and what it becomes where the strategy goes on all the same. */
  at: number;
  forgive: Partial<WaveProgress>;
}

function halt(draft: Draft, open: Rollout, seen: Observations, { reason, at, forgive }: Halt): void {
  if (open.kind === 'rollback' || open.strategy.onFailure === 'pause') return pauseOnFailures(draft, reason);
  if (open.strategy.onFailure === 'rollback') {
    return openRollback(draft, open, freeId(draft, seen.rollbackId), 'automation', reason, seen);
  }
  setWave(draft, at, forgive);
  tell(draft, 'BudgetPassed', `goes on all the same: ${reason}`);
}

/** Opens waves whose gates are open, passes empty ones, completes after the last. */
export function openWaves(draft: Draft, seen: Observations): void {
  for (;;) {
    const { open } = draft.state;
    if (open === null || open.phase !== 'Running' || !areOpenedDone(open)) return;
    const at = openWave(open) + 1;
    const wave = open.strategy.waves[at];
    if (wave === undefined) return complete(draft);
    const members = membersOf(open, at);
    const hold = members.length === 0 ? planOf(draft, open, at) : gateOf(draft, open, at, members, seen);
    if (hold.words !== '') return announce(draft, at, hold);
    openOne(draft, at, members);
  }
}

/** What the wave waits for before it may open. */
function gateOf(
  draft: Draft,
  open: Rollout,
  at: number,
  members: readonly TargetOutcome[],
  seen: Observations,
): Hold {
  const wave = open.strategy.waves[at];
  if (wave === undefined) return noHold;
  if (isUnapproved(open, wave, at)) return { words: approvalWords, untilMs: null };
  const asker = askerOf(open);
  const holds = members.map(({ target }) => closedBy(draft, seen, target, wave.windows, asker));
  // One target that may go is enough: the others wait for their own windows.
  const closed = holds.find(({ words }) => words === '') ?? holds[0] ?? noHold;
  // Last of all, so that what a gate says is fresh when the wave opens.
  return closed.words === '' ? { words: askForChecks(draft, open, at), untilMs: null } : closed;
}

/** A wave without targets passes, but the plan is one for the whole fleet. */
function planOf(draft: Draft, open: Rollout, at: number): Hold {
  return { words: askForChecks(draft, open, at, ({ probe }) => probe.type === 'plan'), untilMs: null };
}

/** As a wave waits for it. */
export const approvalWords = 'approval';

export function isUnapproved(rollout: Pick<Rollout, 'waves'>, wave: Wave, at: number): boolean {
  return wave.approval && rollout.waves[at]?.approval === null;
}

/** So that a resumed rollout halts at new failures only. */
export function forgiveFailures(rollout: Rollout): WaveProgress[] {
  return rollout.waves.map((wave, at) => ({ ...wave, forgiven: failuresIn(membersOf(rollout, at)).length }));
}

/**
 * One step may open a second rollback: the first had nobody to send back, a queued revision started behind it and failed
 * where it stood. It takes the next id in the row, which is as fresh as the one that was given.
 */
function freeId(draft: Draft, id: string): string {
  const isTaken = draft.state.open?.id === id || draft.state.closed.some((rollout) => rollout.id === id);
  if (!isTaken) return id;
  const last = (Number.parseInt(id.slice(-4), 16) + 1) % 0x10000;
  return freeId(draft, id.slice(0, -4) + last.toString(16).padStart(4, '0'));
}

function isOver(open: Rollout, wave: Wave, at: number): boolean {
  const members = membersOf(open, at);
  const failures = failuresIn(members).length - (open.waves[at]?.forgiven ?? 0);
  return failures > 0 && failures > failuresOf(wave.maxFailures, countedIn(members));
}

function countedIn(members: readonly TargetOutcome[]): number {
  return members.filter(({ outcome, reason }) => !(outcome === 'Skipped' && reason === 'left')).length;
}

function brokenReason(open: Rollout, at: number): string {
  const members = membersOf(open, at);
  const failures = failuresIn(members);
  const first = failures[0];
  const example =
    first === undefined ? '' : `, first: ${first.reason || 'degraded'} ${first.message}`.trimEnd();
  return `wave ${open.strategy.waves[at]?.name ?? ''}: ${failures.length} of ${members.length} failed${example}`;
}

function pauseOnFailures(draft: Draft, reason: string): void {
  setOpen(draft, { phase: 'Paused', phaseReason: reason, pausedBy: 'failures' });
  tell(draft, 'Paused', reason);
}

/** All opened waves, not only the last: a retry may have sent a target of an earlier one back. */
export function areOpenedDone(open: Rollout): boolean {
  const last = openWave(open);
  for (const { wave, outcome } of open.outcomes.values())
    if (wave <= last && !isFinished(outcome)) return false;
  return true;
}

function openOne(draft: Draft, at: number, members: readonly TargetOutcome[]): void {
  const outcomes = new Map(draft.state.open?.outcomes);
  for (const member of members) {
    const target = draft.targets.get(member.target);
    if (target === undefined || isFinished(member.outcome)) continue;
    outcomes.set(member.target, { ...member, givenBefore: target.given });
    setTarget(draft, member.target, { given: member.revision });
  }
  setOpen(draft, { outcomes });
  setWave(draft, at, { openedAtMs: draft.nowMs, announced: '', announcedUntilMs: null });
  const name = draft.state.open?.waves[at]?.name ?? '';
  const detail = { wave: name, targets: members.length };
  const message =
    members.length === 0
      ? `wave ${name} has no targets and passes`
      : `wave ${name}: ${members.length} targets`;
  tell(draft, 'WaveOpened', message, { detail });
}

export function waveWaitsWords(name: string, waitsFor: string): string {
  return `wave ${name} waits for ${waitsFor}`;
}

/** Once per reason, so that a waiting rollout does not fill its history; again when it waits for nothing any more. */
export function announce(draft: Draft, at: number, { words, untilMs }: Hold): void {
  const wave = draft.state.open?.waves[at];
  if (wave === undefined || wave.announced === words) return;
  setWave(draft, at, { announced: words, announcedUntilMs: untilMs });
  if (words !== '') tell(draft, 'WaveWaits', waveWaitsWords(wave.name, words));
}

function complete(draft: Draft): void {
  const counts = new Map<string, number>();
  for (const { outcome } of draft.state.open?.outcomes.values() ?? [])
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  close(draft, 'Completed', [...counts].map(([outcome, count]) => `${count} ${outcome}`).join(', '));
}

export function setWave(draft: Draft, at: number, change: Partial<WaveProgress>): void {
  const waves = draft.state.open?.waves.map((wave, index) => (index === at ? { ...wave, ...change } : wave));
  if (waves !== undefined) setOpen(draft, { waves });
}
