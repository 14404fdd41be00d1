/**
 * A rollout in words: the state of each wave, derived from its outcomes, and what the rollout waits for and until when.
 * What a person reads in the CLI and on a page is made here, so that both say the same.
 */
import { areGateWords, gatesEndMs, waitingGates, type GateState } from './checks.ts';
import { approvalWords, isUnapproved, openWave, waveWaitsWords } from './gates.ts';
import { isFinished, isInFlight } from './outcome.ts';
import type { HeldDrop, Rollout, WaveProgress } from './state.ts';
import type { Wave } from './strategy.ts';
import { countOf, emptyTally, isDone, type RolloutTally, type WaveTally } from './tally.ts';

/** Everything of it but the outcomes, which are counted. */
export type RolloutFacts = Omit<Rollout, 'outcomes'>;

export type WaveState = 'Waiting' | 'Running' | 'Soaking' | 'Done';

export interface Waiting {
  /** `wave emea: 2 of 40 soaking until 12:04 UTC`; '' when it waits for nothing, or is not its turn. */
  waitsFor: string;
  /** In ms; null: only a person knows. At the latest, where something is in progress. */
  untilMs: number | null;
}

export interface WaveView extends Waiting {
  name: string;
  state: WaveState;
  targets: number;
  tally: WaveTally;
}

export interface RolloutView extends Waiting {
  /** Empty while the rollout waits to start. */
  waves: WaveView[];
}

const nothing: Waiting = { waitsFor: '', untilMs: null };

export function describeRollout(rollout: RolloutFacts, tally: RolloutTally, nowMs: number): RolloutView {
  const tallies = rollout.waves.map((_, at) => tally.waves[at] ?? emptyTally);
  const waves = rollout.waves.map(({ name }, at): WaveView => {
    const own = tallies[at] ?? emptyTally;
    const waiting = isOpen(rollout) ? waveWaitsFor(rollout, at, tallies, nowMs) : nothing;
    return {
      name,
      state: waveState(rollout, at, own),
      targets: countOf(own, () => true),
      tally: own,
      ...waiting,
    };
  });
  return { waves, ...rolloutWaitsFor(rollout, waves) };
}

/** The one question of the drop guard, in a few words. */
export function dropWords({ revision, dropped, total }: HeldDrop): string {
  if (total >= Number.MAX_SAFE_INTEGER)
    return `revision ${revision} may drop any object: what is there now is not kept any more`;
  return `revision ${revision} drops ${dropped} of ${total} objects`;
}

/** `12:04 UTC`, with the date where it is not today's. */
export function timeWords(atMs: number, nowMs: number): string {
  const [day = '', time = ''] = new Date(atMs).toISOString().split('T');
  const isToday = day === new Date(nowMs).toISOString().slice(0, 10);
  return `${isToday ? '' : `${day} `}${time.slice(0, 5)} UTC`;
}

function rolloutWaitsFor(rollout: RolloutFacts, waves: readonly WaveView[]): Waiting {
  const { phase, phaseReason, heldDrops } = rollout;
  if (phase === 'AwaitingSync' || phase === 'Queued') return { waitsFor: phaseReason, untilMs: null };
  if (!isOpen(rollout)) return nothing;
  if (phase === 'Paused') return { waitsFor: `paused: ${phaseReason}`, untilMs: null };
  const [question] = heldDrops;
  if (question !== undefined) return { waitsFor: `confirmation: ${dropWords(question)}`, untilMs: null };
  const { waitsFor, untilMs } = waves.find((wave) => wave.waitsFor !== '') ?? nothing;
  return { waitsFor, untilMs };
}

function isOpen(rollout: RolloutFacts): boolean {
  return rollout.phase === 'Running' || rollout.phase === 'Paused';
}

function waveState(rollout: RolloutFacts, at: number, tally: WaveTally): WaveState {
  if (rollout.waves[at]?.openedAtMs === null) return 'Waiting';
  if (isDone(tally)) return 'Done';
  const isSoaking = countOf(tally, (outcome) => !isFinished(outcome) && outcome !== 'Soaking') === 0;
  return isSoaking ? 'Soaking' : 'Running';
}

function waveWaitsFor(
  rollout: RolloutFacts,
  at: number,
  tallies: readonly WaveTally[],
  nowMs: number,
): Waiting {
  const wave = rollout.strategy.waves[at];
  const tally = tallies[at];
  const present = openWave(rollout);
  if (wave === undefined || tally === undefined || at > present + 1) return nothing;
  if (at === present + 1) return tallies.slice(0, at).every(isDone) ? gateOf(rollout, at, nowMs) : nothing;
  const targets = countOf(tally, () => true);
  const flying = countOf(tally, isInFlight);
  const parts = [
    flying === 0 ? nothing : progressOf(tally, flying, targets, wave.deadlineMs, nowMs),
    soakOf(tally, targets, wave.soakMs, nowMs),
    flying + (tally.counts.Soaking ?? 0) === 0 ? turnOf(rollout, at, tally, targets) : nothing,
  ].filter(({ waitsFor }) => waitsFor !== '');
  if (parts.length === 0) return nothing;
  return {
    waitsFor: `wave ${wave.name}: ${parts.map(({ waitsFor }) => waitsFor).join(', ')}`,
    untilMs: latest(parts.map(({ untilMs }) => untilMs)),
  };
}

/** Approval and gates are known at once; of windows only what the last step saw. */
function gateOf(rollout: RolloutFacts, at: number, nowMs: number): Waiting {
  const wave = rollout.strategy.waves[at];
  const progress = rollout.waves[at];
  if (wave === undefined || progress === undefined) return nothing;
  if (isUnapproved(rollout, wave, at))
    return { waitsFor: waveWaitsWords(wave.name, approvalWords), untilMs: null };
  const { announced, announcedUntilMs = null } = progress;
  const gates = waitingGates(wave, progress);
  if (areGateWords(announced)) return gates.length === 0 ? nothing : gatesOf(wave, progress, gates, nowMs);
  if (announced === '' || announced === approvalWords) return nothing;
  return { waitsFor: waveWaitsWords(wave.name, announced), untilMs: announcedUntilMs };
}

/** Until the earliest time at which they can all have passed. */
function gatesOf(wave: Wave, progress: WaveProgress, gates: readonly GateState[], nowMs: number): Waiting {
  const untilMs = gatesEndMs(wave, progress, nowMs);
  const waitsFor = waveWaitsWords(wave.name, gates.map(gateProgressWords).join(', '));
  return { waitsFor: `${waitsFor}; ${timeWords(untilMs, nowMs)} at the earliest`, untilMs };
}

/** `gate error-rate (1 of 3 passed, 1 failed: 0.07 above 0.05)` */
function gateProgressWords({ gate, progress }: GateState): string {
  const { passed, failed, last, isLastSuccess } = progress;
  const failures = failed === 0 ? '' : `, ${failed} failed`;
  const found = last === '' ? '' : `: ${isLastSuccess ? 'last ' : ''}${last}`;
  return `gate ${gate.name} (${passed} of ${gate.count} passed${failures}${found})`;
}

/** Whoever is not healthy by its deadline has failed. Time in which the hub was away makes it later. */
function progressOf(
  { assignedLastMs }: WaveTally,
  flying: number,
  targets: number,
  deadlineMs: number,
  nowMs: number,
): Waiting {
  const words = `${flying} of ${targets} in progress`;
  const untilMs = assignedLastMs === null ? null : assignedLastMs + deadlineMs;
  if (untilMs === null || untilMs <= nowMs) return { waitsFor: words, untilMs: null };
  return { waitsFor: `${words} until ${timeWords(untilMs, nowMs)} at the latest`, untilMs };
}

function soakOf({ counts, soakFromMs }: WaveTally, targets: number, soakMs: number, nowMs: number): Waiting {
  if (counts.Soaking === undefined) return nothing;
  const words = `${counts.Soaking} of ${targets} soaking`;
  if (soakFromMs === null) return { waitsFor: words, untilMs: null };
  const untilMs = Math.max(soakFromMs + soakMs, nowMs);
  return { waitsFor: `${words} until ${timeWords(untilMs, nowMs)}`, untilMs };
}

/** What is announced of a wave that is open already is a window. */
function turnOf(rollout: RolloutFacts, at: number, { counts }: WaveTally, targets: number): Waiting {
  if (counts.Pending === undefined) return nothing;
  const { announced = '', announcedUntilMs = null } = rollout.waves[at] ?? {};
  const waitsFor = `${counts.Pending} of ${targets} wait for ${announced || 'their turn'}`;
  return { waitsFor, untilMs: announced === '' ? null : announcedUntilMs };
}

/** Null where one of them is not known. */
function latest(times: readonly (number | null)[]): number | null {
  const known = times.filter((time) => time !== null);
  return known.length < times.length ? null : Math.max(...known);
}
