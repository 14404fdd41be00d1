/**
 * A rollout in words: the state of each wave, derived from its outcomes, and what the rollout waits for. What a person
 * reads in the CLI and on a page is made here, so that both say the same.
 */
import { formatDuration } from './duration.ts';
import { approvalWords, failuresIn, isUnapproved, membersOf, openWave, waveWaitsWords } from './gates.ts';
import { isFinished, isInFlight } from './outcome.ts';
import type { OutcomeType, Rollout, TargetOutcome, TargetState } from './state.ts';
import type { Wave } from './strategy.ts';

export type WaveState = 'Waiting' | 'Running' | 'Soaking' | 'Done';

export interface WaveView {
  name: string;
  state: WaveState;
  targets: number;
  /** Only outcomes that occur. */
  counts: Partial<Record<OutcomeType, number>>;
  failures: number;
  /** `2 of 40 soaking, 4m30s left`; '' when it waits for nothing, or is not its turn. */
  waitsFor: string;
}

/** Of a waiting rollout: no waves yet. */
export function waveViews(rollout: Rollout, nowMs: number): WaveView[] {
  return rollout.waves.map(({ name }, at) => {
    const members = membersOf(rollout, at);
    const counts: Partial<Record<OutcomeType, number>> = {};
    for (const { outcome } of members) counts[outcome] = (counts[outcome] ?? 0) + 1;
    return {
      name,
      state: waveState(rollout, at, members),
      targets: members.length,
      counts,
      failures: failuresIn(members).length,
      waitsFor: isOpen(rollout) ? waveWaitsFor(rollout, at, members, nowMs) : '',
    };
  });
}

/** One line for the whole rollout; '' when it is closed or nothing holds it up. */
export function waitsFor(rollout: Rollout, nowMs: number): string {
  if (rollout.phase === 'AwaitingSync' || rollout.phase === 'Queued') return rollout.phaseReason;
  if (!isOpen(rollout)) return '';
  if (rollout.phase === 'Paused') return `paused: ${rollout.phaseReason}`;
  const question = rollout.heldDrops[0];
  if (question !== undefined) {
    return `confirmation: revision ${question.revision} drops ${question.dropped} of ${question.total} objects`;
  }
  return waveViews(rollout, nowMs).find(({ waitsFor: reason }) => reason !== '')?.waitsFor ?? '';
}

/** What keeps a target behind the newest revision, for `currencyOf`; '' when nothing does but its turn. */
export function heldBy(
  target: Pick<TargetState, 'pin' | 'leaving' | 'id'>,
  cluster: { state: string; connected: boolean },
  rollouts: { open: Rollout | null; waiting: Rollout | null },
): string {
  if (target.leaving) return 'leaving';
  if (target.pin !== null) return 'pinned';
  if (cluster.state !== 'Active') return `cluster ${cluster.state}`;
  if (!cluster.connected) return 'offline';
  const { open, waiting } = rollouts;
  if (open?.phase === 'Paused') return 'rollout paused';
  if (open !== null && open.heldDrops.length > 0) return 'confirmation';
  if (open?.outcomes.get(target.id)?.outcome === 'Failed') return 'failed';
  if (open === null && waiting?.phase === 'AwaitingSync') return 'manual sync';
  return '';
}

function isOpen(rollout: Rollout): boolean {
  return rollout.phase === 'Running' || rollout.phase === 'Paused';
}

function waveState(rollout: Rollout, at: number, members: readonly TargetOutcome[]): WaveState {
  if (rollout.waves[at]?.openedAtMs === null) return 'Waiting';
  if (members.every(({ outcome }) => isFinished(outcome))) return 'Done';
  const isSoaking = members.every(({ outcome }) => isFinished(outcome) || outcome === 'Soaking');
  return isSoaking ? 'Soaking' : 'Running';
}

function waveWaitsFor(
  rollout: Rollout,
  at: number,
  members: readonly TargetOutcome[],
  nowMs: number,
): string {
  const wave = rollout.strategy.waves[at];
  const present = openWave(rollout);
  if (wave === undefined || at > present + 1) return '';
  if (at === present + 1) return isDoneUpTo(rollout, present) ? gateWords(rollout, wave, at) : '';
  const flying = members.filter(({ outcome }) => isInFlight(outcome)).length;
  const soaking = members.filter(({ outcome }) => outcome === 'Soaking');
  const pending = members.filter(({ outcome }) => outcome === 'Pending').length;
  const parts = [
    flying === 0 ? '' : `${flying} of ${members.length} in progress`,
    soaking.length === 0 ? '' : soakWords(soaking, members.length, wave.soakMs, nowMs),
    flying + soaking.length === 0 && pending > 0 ? pendingWords(rollout, at, pending, members.length) : '',
  ].filter((part) => part !== '');
  return parts.length === 0 ? '' : `wave ${wave.name}: ${parts.join(', ')}`;
}

/** Approval is known at once; of windows only what the last step saw. */
function gateWords(rollout: Rollout, wave: Wave, at: number): string {
  const announced = rollout.waves[at]?.announced ?? '';
  const isOver = announced === approvalWords && !isUnapproved(rollout, wave, at);
  const waitsFor = isUnapproved(rollout, wave, at) ? approvalWords : announced;
  return waitsFor === '' || isOver ? '' : waveWaitsWords(wave.name, waitsFor);
}

function soakWords(soaking: readonly TargetOutcome[], of: number, soakMs: number, nowMs: number): string {
  const left = soaking.map(
    ({ soakedMs, healthyFromMs }) => soakMs - soakedMs - (healthyFromMs === null ? 0 : nowMs - healthyFromMs),
  );
  return `${soaking.length} of ${of} soaking, ${formatDuration(Math.max(0, ...left))} left`;
}

/** What is announced of a wave that is open already is a window. */
function pendingWords(rollout: Rollout, at: number, pending: number, of: number): string {
  return `${pending} of ${of} wait for ${rollout.waves[at]?.announced || 'their turn'}`;
}

function isDoneUpTo(rollout: Rollout, last: number): boolean {
  return [...rollout.outcomes.values()].every(({ wave, outcome }) => wave > last || isFinished(outcome));
}
