/**
 * How far a target has come with its assignment. Only observations that echo the assignment count; health counts only
 * while a live session vouches for it.
 *
 * Deadline: time since the assignment in which the hub was up and the target was not reported healthy. A target that is
 * lost after it was assigned stays in flight until then and fails: a revision that cuts agents off must not pass.
 */
import type { HealthStatus } from '../status/words.ts';
import type { OutcomeReason, OutcomeType, Progress } from './state.ts';
import type { Observation, Observations, Reported } from './step.ts';

export const degradedForMs = 60_000;

export interface JudgeRules {
  soakMs: number;
  deadlineMs: number;
  outages: Observations['outages'];
}

/** Counted in `maxConcurrent`. A soaking target is not: soaks run side by side. */
export function isInFlight(outcome: OutcomeType): boolean {
  return outcome === 'Assigned' || outcome === 'Progressing';
}

export function isUnderWay(outcome: OutcomeType): boolean {
  return isInFlight(outcome) || outcome === 'Soaking';
}

/** Nothing more will come of it in this rollout by itself. */
export function isFinished(outcome: OutcomeType): boolean {
  return outcome !== 'Pending' && !isUnderWay(outcome);
}

/** The progress after this observation; the same reference where nothing changed. */
export function judge<P extends Progress>(
  progress: P,
  seen: Observation | undefined,
  rules: JudgeRules,
  nowMs: number,
): P {
  if (!isUnderWay(progress.outcome)) return progress;
  const report = echoOf(progress, seen);
  const noted = noteEcho(progress, report, nowMs);
  const failed = failureOf(noted, report, seen, nowMs);
  if (failed !== null) return finish(noted, 'Failed', failed.reason, failed.message, nowMs);
  const soaked = soak(noted, report, seen, nowMs);
  if (isSettled(soaked, report, seen) && soakedMs(soaked, nowMs) >= rules.soakMs) {
    return finish(soaked, 'Succeeded', '', '', nowMs);
  }
  return expire(soaked, seen, rules, nowMs);
}

/** When time alone will change the outcome; null: only news can. */
export function wakeOf(
  progress: Progress,
  seen: Observation | undefined,
  rules: JudgeRules,
  nowMs: number,
): number | null {
  if (!isUnderWay(progress.outcome)) return null;
  const isHealthy = progress.healthyFromMs !== null;
  const deadline = isHealthy ? null : nowMs + rules.deadlineMs - spentMs(progress, rules, nowMs);
  const soakEnd = isHealthy ? nowMs + rules.soakMs - soakedMs(progress, nowMs) : null;
  const since = degradedSince(progress, echoOf(progress, seen), seen);
  const times = [deadline, soakEnd, since === null ? null : since + degradedForMs].filter(
    (time) => time !== null,
  );
  return times.length === 0 ? null : Math.max(nowMs, Math.min(...times));
}

/** Degraded for long enough on end, also after the outcome was Succeeded. */
export function isDegraded(progress: Progress, seen: Observation | undefined, nowMs: number): boolean {
  const since = degradedSince(progress, echoOf(progress, seen), seen);
  return since !== null && nowMs - since >= degradedForMs;
}

/** Since when the target has been reported degraded on end; null: it is not. */
export function degradedSinceOf(progress: Progress, seen: Observation | undefined): number | null {
  return degradedSince(progress, echoOf(progress, seen), seen);
}

export function isLive(seen: Observation | undefined): boolean {
  return seen !== undefined && seen.connection === 'Connected' && seen.liveSinceMs !== null;
}

export function finish<P extends Progress>(
  progress: P,
  outcome: OutcomeType,
  reason: OutcomeReason,
  message: string,
  nowMs: number,
): P {
  return { ...progress, outcome, reason, message, finishedAtMs: nowMs };
}

function echoOf(progress: Progress, seen: Observation | undefined): Reported | null {
  const reported = seen?.reported ?? null;
  return reported !== null && reported.assignment === progress.assignment ? reported : null;
}

function noteEcho<P extends Progress>(progress: P, report: Reported | null, nowMs: number): P {
  if (report === null || progress.echoedAtMs !== null) return progress;
  return { ...progress, outcome: 'Progressing', echoedAtMs: nowMs };
}

function failureOf(
  progress: Progress,
  report: Reported | null,
  seen: Observation | undefined,
  nowMs: number,
): { reason: OutcomeReason; message: string } | null {
  const operation = operationOf(progress, report);
  if (operation?.phase === 'Failed' || operation?.phase === 'Error') {
    return { reason: 'operation', message: operation.message };
  }
  const since = degradedSince(progress, report, seen);
  if (since === null || nowMs - since < degradedForMs) return null;
  return { reason: 'degraded', message: report?.healthMessage ?? '' };
}

function degradedSince(
  progress: Progress,
  report: Reported | null,
  seen: Observation | undefined,
): number | null {
  if (report === null || report.health !== 'Degraded' || !isLive(seen)) return null;
  return Math.max(report.healthSinceMs, progress.finishedAtMs ?? progress.echoedAtMs ?? report.healthSinceMs);
}

function operationOf(progress: Progress, report: Reported | null): Reported['operation'] {
  const operation = report?.operation ?? null;
  return operation !== null && operation.assignment === progress.assignment ? operation : null;
}

/** Suspended is as good as it gets for what somebody suspended on purpose, a CronJob say. */
function isWell(health: HealthStatus): boolean {
  return health === 'Healthy' || health === 'Suspended';
}

function isSettled(progress: Progress, report: Reported | null, seen: Observation | undefined): boolean {
  return (
    isLive(seen) &&
    report !== null &&
    operationOf(progress, report)?.phase === 'Succeeded' &&
    isWell(report.health)
  );
}

/** Begins, goes on with, or ends the present healthy stretch. What is not known for certain is not counted. */
function soak<P extends Progress>(
  progress: P,
  report: Reported | null,
  seen: Observation | undefined,
  nowMs: number,
): P {
  if (!isSettled(progress, report, seen)) return endStretch(progress, report, seen, nowMs);
  if (progress.outcome !== 'Soaking') return { ...progress, outcome: 'Soaking', healthyFromMs: nowMs };
  const from = Math.max(report?.healthSinceMs ?? nowMs, seen?.liveSinceMs ?? nowMs);
  const isSame = progress.healthyFromMs !== null && from <= progress.healthyFromMs;
  return isSame ? progress : { ...progress, healthyFromMs: Math.min(from, nowMs) };
}

function endStretch<P extends Progress>(
  progress: P,
  report: Reported | null,
  seen: Observation | undefined,
  nowMs: number,
): P {
  if (progress.healthyFromMs === null) return progress;
  const end = isLive(seen) ? (report?.healthSinceMs ?? progress.healthyFromMs) : (seen?.lastSeenMs ?? 0);
  const added = Math.max(0, Math.min(end, nowMs) - progress.healthyFromMs);
  return { ...progress, soakedMs: progress.soakedMs + added, healthyFromMs: null };
}

function soakedMs(progress: Progress, nowMs: number): number {
  return progress.soakedMs + (progress.healthyFromMs === null ? 0 : nowMs - progress.healthyFromMs);
}

function expire<P extends Progress>(
  progress: P,
  seen: Observation | undefined,
  rules: JudgeRules,
  nowMs: number,
): P {
  if (progress.healthyFromMs !== null || spentMs(progress, rules, nowMs) < rules.deadlineMs) return progress;
  if (isLive(seen)) return finish(progress, 'Failed', 'deadline', lateMessage(progress, seen), nowMs);
  return finish(
    progress,
    'Failed',
    'lost',
    'went offline after it was assigned and did not return in time',
    nowMs,
  );
}

function lateMessage(progress: Progress, seen: Observation | undefined): string {
  const report = echoOf(progress, seen);
  if (report === null) return 'the agent did not take up the assignment in time';
  const operation = operationOf(progress, report);
  if (operation?.phase === 'Running') return `the operation did not end in time: ${operation.message}`;
  return `not healthy in time: ${report.health} ${report.healthMessage}`.trim();
}

function spentMs(progress: Progress, rules: JudgeRules, nowMs: number): number {
  const from = progress.assignedAtMs ?? nowMs;
  const away = rules.outages.reduce(
    (sum, outage) => sum + Math.max(0, Math.min(outage.toMs, nowMs) - Math.max(outage.fromMs, from)),
    0,
  );
  return nowMs - from - away - soakedMs(progress, nowMs);
}
