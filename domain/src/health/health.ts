/**
 * Health of a target: the worst of its live, non-hook objects that have a health of their own.
 * An object without one, or left out by annotation, does not worsen the target.
 */
import type { KubeObject } from '../object/types.ts';
import type { Health, HealthStatus } from '../status/words.ts';

/** A user's rule for a kind, already compiled. Null: the rule does not speak about this object. */
export type UserRule = (object: KubeObject) => Health | null;

/** Finds the user's rule for an object, if there is one. */
export type UserRules = (object: KubeObject) => UserRule | null;

/**
 * A rule for a kind. `related` are other live objects that it may look at (Pods and StorageClass of a claim, Jobs of a
 * CronJob); a rule picks what it needs and ignores the rest. Null: no health of its own.
 */
export type HealthOfKind = (object: KubeObject, related: readonly KubeObject[]) => Health | null;

/** Best to worst. */
export const healthOrder: readonly HealthStatus[] = [
  'Healthy',
  'Suspended',
  'Progressing',
  'Missing',
  'Degraded',
  'Unknown',
];

export function isWorse(a: HealthStatus, b: HealthStatus): boolean {
  return healthOrder.indexOf(a) > healthOrder.indexOf(b);
}

/** The worst, and of equally bad ones the first. Nothing to judge is Healthy. */
export function worst(healths: Iterable<Health | null>): Health {
  let found: Health = { status: 'Healthy', message: '' };
  for (const health of healths) if (health !== null && isWorse(health.status, found.status)) found = health;
  return found;
}
