/** One rollout as the API shows it: rows and counts in, the words of domain/rollout out. Pure. */
import { describeRollout, type WaveView } from '@flotilla/domain/rollout/describe';
import { estimateEnd } from '@flotilla/domain/rollout/estimate';
import type { OutcomeType } from '@flotilla/domain/rollout/state';
import { emptyTally, type RolloutTally, type WaveTally } from '@flotilla/domain/rollout/tally';
import { revisionSummaryOf } from '../applications/applicationResource.ts';
import { rolloutOf } from '../rollouts/fleetRows.ts';
import type { FailuresRow, OutcomeCountRow, RolloutDetailRow } from './rolloutDetail.store.ts';
import type { RolloutEventRow } from './rollouts.store.ts';
import type { RolloutDetail } from './status.schema.ts';

export interface RolloutRead {
  row: RolloutDetailRow;
  outcomes: readonly OutcomeCountRow[];
  failures: FailuresRow;
  events: readonly RolloutEventRow[];
}

export function rolloutDetailOf({ row, outcomes, failures, events }: RolloutRead): RolloutDetail {
  const rollout = rolloutOf(row, []);
  const tally = tallyOfRows(outcomes, rollout.waves.length);
  const nowMs = row.now.getTime();
  const { waves, waitsFor, untilMs } = describeRollout(rollout, tally, nowMs);
  return {
    id: row.id,
    application: row.application,
    applicationId: row.applicationId,
    stage: row.stage,
    revisionNumber: row.revisionNumber,
    kind: row.kind,
    phase: row.phase,
    phaseReason: row.phaseReason,
    createdBy: row.createdBy,
    createdAt: row.createdAt.toISOString(),
    startedAt: row.startedAt?.toISOString() ?? null,
    closedAt: row.closedAt?.toISOString() ?? null,
    readAt: row.now.toISOString(),
    revision: revisionSummaryOf({ ...row, number: row.revisionNumber, state: row.revisionState }),
    waves: waves.map(waveOf),
    waitsFor,
    until: timeOf(untilMs),
    estimatedEndAt: timeOf(estimateEnd(rollout, tally, nowMs)),
    deferred: tally.waves.reduce((sum, { counts }) => sum + (counts.Deferred ?? 0), 0),
    failures: failuresOf(failures, waves),
    strategy: { ...row.strategy },
    events: events.map((event) => ({ ...event, at: event.at.toISOString() })),
  };
}

/** As `tallyOf` counts them. Outcomes of a rollout that waits belong to no wave yet. */
export function tallyOfRows(rows: readonly OutcomeCountRow[], waves: number): RolloutTally {
  const tallies: WaveTally[] = Array.from({ length: waves }, () => emptyTally);
  for (const { wave, outcome, count, ...row } of rows) {
    const before = wave === null ? undefined : tallies[wave];
    if (wave === null || outcome === null || before === undefined) continue;
    tallies[wave] = {
      counts: { ...before.counts, [outcome as OutcomeType]: count },
      failures: before.failures + row.failures,
      assignedFirstMs: known(Math.min, before.assignedFirstMs, row.assignedFirstMs),
      assignedLastMs: known(Math.max, before.assignedLastMs, row.assignedLastMs),
      soakFromMs: known(Math.max, before.soakFromMs, row.soakFromMs),
    };
  }
  return { waves: tallies, healthyAfterMs: rows.find(({ wave }) => wave === null)?.healthyAfterMs ?? null };
}

function known(choose: (a: number, b: number) => number, a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : choose(a, b);
}

function waveOf({ name, state, targets, tally, waitsFor, untilMs }: WaveView, wave: number) {
  const { counts: outcomes, failures } = tally;
  return { wave, name, state, total: targets, outcomes, failures, waitsFor, until: timeOf(untilMs) };
}

function failuresOf({ reasons, first }: FailuresRow, waves: readonly WaveView[]): RolloutDetail['failures'] {
  return {
    total: Object.values(reasons ?? {}).reduce((sum, count) => sum + count, 0),
    reasons: reasons ?? {},
    first: (first ?? []).map(({ wave, atMs, ...failure }) => ({
      ...failure,
      wave: waves[wave]?.name ?? '',
      at: timeOf(atMs),
    })),
  };
}

function timeOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
