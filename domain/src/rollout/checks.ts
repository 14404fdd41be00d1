/**
 * The gates of a wave: which checks are to be made, and what their results come to. They are kept with the wave of one
 * rollout, so that they count for its revision alone, and only counted, so that what is stored stays small.
 */
import type { Gate, Verdict } from '../gate/gate.ts';
import type { Draft } from './draft.ts';
import type { GateProgress, Rollout, WaveProgress } from './state.ts';
import type { RolloutEvent, WantedCheck } from './step.ts';
import type { Wave } from './strategy.ts';

type Gates = Pick<WaveProgress, 'gates'>;

export interface GateState {
  gate: Gate;
  progress: GateProgress;
}

/** Gates that keep the wave from opening, failed ones too, and how far each has come. */
export function waitingGates({ gates }: Pick<Wave, 'gates'>, wave: Gates): GateState[] {
  return gates
    .map((gate) => ({ gate, progress: progressOf(wave, gate) }))
    .filter((state) => !isPassed(state));
}

/** The first one that failed more often than it may. */
export function failedGate(wave: Pick<Wave, 'gates'>, progress: Gates): GateState | null {
  return waitingGates(wave, progress).find(isFailed) ?? null;
}

/** `gate error-rate failed 3 of 3 checks: 0.07 above 0.05` */
export function failedWords({ gate, progress }: GateState): string {
  const { failed, passed, last } = progress;
  return `gate ${gate.name} failed ${failed} of ${failed + passed} checks: ${last}`;
}

/** As a wave waits for them; '' for none. */
function gateWords(gates: readonly Gate[]): string {
  if (gates.length === 0) return '';
  return `${gates.length === 1 ? 'gate' : 'gates'} ${gates.map(({ name }) => name).join(', ')}`;
}

/** Of what a wave was announced to wait for: it may have come further since. */
export function areGateWords(words: string): boolean {
  return /^gates? /.test(words);
}

/** Asks for the checks of these gates that are due; gives what the wave waits for, '' for nothing. */
export function askForChecks(
  draft: Draft,
  open: Rollout,
  at: number,
  isMeant: (gate: Gate) => boolean = () => true,
): string {
  const wave = open.strategy.waves[at];
  if (wave === undefined) return '';
  const waiting = waitingGates(wave, open.waves[at] ?? {}).filter(({ gate }) => isMeant(gate));
  for (const { gate, progress } of waiting) {
    if (progress.dueAtMs > draft.nowMs) draft.checkTimes.add(progress.dueAtMs);
    else draft.checks.set(`${wave.name} ${gate.name}`, checkOf(open.id, wave.name, progress));
  }
  return gateWords(waiting.map(({ gate }) => gate));
}

/**
 * Counts the result of a check that a step wanted. Null where it does not count: it was counted already, or nobody waits
 * for it any more.
 */
export function recordCheck<R extends Pick<Rollout, 'id' | 'strategy' | 'waves'>>(
  rollout: R,
  result: WantedCheck & Verdict,
  nowMs: number,
): { rollout: R; event: RolloutEvent } | null {
  const found = gateAwaiting(rollout, result);
  if (found === null) return null;
  const { gate, progress } = found;
  const { isSuccess, message } = result;
  const after: GateProgress = {
    ...progress,
    passed: progress.passed + (isSuccess ? 1 : 0),
    failed: progress.failed + (isSuccess ? 0 : 1),
    dueAtMs: nowMs + gate.intervalMs,
    last: message,
    isLastSuccess: isSuccess,
  };
  const waves = rollout.waves.map((wave) =>
    wave.name === result.wave ? { ...wave, gates: replaced(wave, after) } : wave,
  );
  const counts = `${after.passed} of ${gate.count} passed, ${after.failed} failed of ${gate.failureLimit} allowed`;
  const event: RolloutEvent = {
    rollout: rollout.id,
    kind: 'GateChecked',
    target: '',
    message: `wave ${result.wave}: gate ${gate.name} ${isSuccess ? 'passed' : 'failed'} a check: ${message} (${counts})`,
    detail: { wave: result.wave, gate: gate.name, check: result.check, isSuccess, run: result.run },
  };
  return { rollout: { ...rollout, waves }, event };
}

/** The gate whose next check this is; null where the rollout does not wait for it. */
export function gateAwaiting(
  rollout: Pick<Rollout, 'id' | 'strategy' | 'waves'>,
  wanted: WantedCheck,
): GateState | null {
  const at = rollout.waves.findIndex(({ name }) => name === wanted.wave);
  const wave = rollout.strategy.waves[at];
  const progress = rollout.waves[at];
  if (rollout.id !== wanted.rollout || wave === undefined || progress?.openedAtMs !== null) return null;
  const found = waitingGates(wave, progress).find(({ gate }) => gate.name === wanted.gate);
  if (found === undefined || isFailed(found)) return null;
  const next = checkOf(rollout.id, wave.name, found.progress);
  return next.run === wanted.run && next.check === wanted.check ? found : null;
}

/** Those that failed start over now. */
export function restartGates(
  wave: Pick<Wave, 'gates'> | undefined,
  progress: WaveProgress,
  nowMs: number,
): WaveProgress {
  if (wave === undefined || progress.openedAtMs !== null) return progress;
  const failed = waitingGates(wave, progress).filter(isFailed);
  return failed.reduce(
    (sofar, { gate, progress: { run } }) => ({
      ...sofar,
      gates: replaced(sofar, { ...unchecked(gate), run: run + 1, dueAtMs: nowMs }),
    }),
    progress,
  );
}

/** Progress of the wave with those that are named waived, which have not passed. */
export function waiveGates(
  wave: Pick<Wave, 'gates'>,
  progress: Gates,
  by: string,
  isNamed: (gate: Gate) => boolean,
): readonly GateProgress[] {
  const named = waitingGates(wave, progress).filter(({ gate }) => isNamed(gate));
  return named.reduce<readonly GateProgress[]>(
    (gates, waived) => replaced({ gates }, { ...waived.progress, waivedBy: by }),
    progress.gates ?? [],
  );
}

/** The earliest time at which all of them can have passed when they are checked from `fromMs` on; it itself where none is left. */
export function gatesEndMs(wave: Pick<Wave, 'gates'>, progress: Gates, fromMs: number): number {
  const ends = waitingGates(wave, progress).map(({ gate, progress: { dueAtMs, passed } }) => {
    return Math.max(dueAtMs, fromMs) + (gate.count - passed - 1) * gate.intervalMs;
  });
  return Math.max(fromMs, ...ends);
}

function isPassed({ gate, progress }: GateState): boolean {
  return progress.waivedBy !== null || progress.passed >= gate.count;
}

function isFailed({ gate, progress }: GateState): boolean {
  return progress.waivedBy === null && progress.failed > gate.failureLimit;
}

function checkOf(rollout: string, wave: string, { name, run, passed, failed }: GateProgress): WantedCheck {
  return { rollout, wave, gate: name, run, check: passed + failed + 1 };
}

function progressOf({ gates }: Gates, gate: Gate): GateProgress {
  return gates?.find(({ name }) => name === gate.name) ?? unchecked(gate);
}

function unchecked({ name }: Gate): GateProgress {
  return { name, run: 0, passed: 0, failed: 0, dueAtMs: 0, last: '', isLastSuccess: false, waivedBy: null };
}

function replaced({ gates = [] }: Gates, after: GateProgress): readonly GateProgress[] {
  return [...gates.filter(({ name }) => name !== after.name), after];
}
