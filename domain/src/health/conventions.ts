/**
 * Kinds without a rule of their own, by the conventions of kstatus. `Ready=False` is progress, not failure: a converging
 * object must never halt a fleet; if it never converges, the sync wave's timeout says so.
 */
import type { KubeObject } from '../object/types.ts';
import type { Health } from '../status/words.ts';
import { behind, conditionOf, is, isBehind, isStale, verdict, verdictOf } from './condition.ts';

/** Null where the object says nothing that the conventions know. */
export function conventionalHealth(object: KubeObject): Health | null {
  if (isBehind(object)) return behind;
  const stalled = conditionOf(object, 'Stalled');
  if (stalled !== undefined && is(stalled, 'True')) return verdictOf('Degraded', stalled);
  const reconciling = conditionOf(object, 'Reconciling');
  if (reconciling !== undefined && is(reconciling, 'True')) return verdictOf('Progressing', reconciling);
  const ready = conditionOf(object, 'Ready');
  if (ready === undefined) return null;
  if (isStale(object, ready)) return behind;
  return is(ready, 'True') ? verdict('Healthy', ready.message) : verdictOf('Progressing', ready);
}
