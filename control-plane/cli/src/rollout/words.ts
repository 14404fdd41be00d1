/** Small phrases of a rollout: times, counts, people. */
import { formatDuration } from '@flotilla/domain/rollout/duration';
import { timeWords } from '@flotilla/domain/rollout/describe';
import { harmless } from '@flotilla/client/cells';

/** In the order in which they are counted out. */
export const outcomeWords = [
  ['Succeeded', 'succeeded'],
  ['RolledBack', 'rolled back'],
  ['Failed', 'failed'],
  ['Soaking', 'soaking'],
  ['Progressing', 'progressing'],
  ['Assigned', 'assigned'],
  ['Deferred', 'deferred'],
  ['Skipped', 'skipped'],
  ['Superseded', 'superseded'],
  ['Pending', 'pending'],
] as const;

export function sumOf(outcomes: Record<string, number>, words: readonly string[]): number {
  return words.reduce((sum, word) => sum + (outcomes[word] ?? 0), 0);
}

/** Where a rollout wants its clusters to be. */
export const thereOutcomes: readonly string[] = ['Succeeded', 'RolledBack'];

export function thereIn(outcomes: Record<string, number>): number {
  return sumOf(outcomes, thereOutcomes);
}

/** `Ada Lovelace` of `Ada Lovelace <ada@example.com>`. */
export function authorName(author: string): string {
  return harmless(author.replace(/<[^>]*>/, '')) || harmless(author);
}

/** The first line of a commit's message. */
export function subjectOf(message: string): string {
  return harmless(message.split('\n')[0] ?? '');
}

/** `(4m30s left)`; '' for what is over. */
export function leftWords(until: string | null, nowMs: number): string {
  const leftMs = until === null ? 0 : Date.parse(until) - nowMs;
  return leftMs <= 0 ? '' : `(${formatDuration(leftMs)} left)`;
}

/** `about 13:10 UTC, in 58m`. */
export function endWords(endsAt: string, nowMs: number): string {
  const endMs = Date.parse(endsAt);
  const leftMs = endMs - nowMs;
  return leftMs < 1000
    ? 'any moment now'
    : `about ${timeWords(endMs, nowMs)}, in ${formatDuration(roundedMs(leftMs))}`;
}

/** A guess does not know seconds when it is about hours. */
function roundedMs(durationMs: number): number {
  const unitMs = durationMs < 600_000 ? 1_000 : 60_000;
  return Math.round(durationMs / unitMs) * unitMs;
}

export function plural(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? '' : 's'}`;
}
