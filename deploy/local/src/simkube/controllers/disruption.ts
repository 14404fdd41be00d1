/** PodDisruptionBudget: how many of its pods are well, and how many of them may go. */
import type { KubeObject } from '../types.ts';
import { isReady, scaled, selects, statusWrites, withCondition } from './objects.ts';
import { planOf, type Plan } from './plan.ts';
import type { Condition, LabelSelector, Pod } from './shapes.ts';

interface BudgetSpec {
  minAvailable?: number | string;
  maxUnavailable?: number | string;
  selector?: LabelSelector;
}

export interface BudgetSight {
  budget: KubeObject;
  /** Of its namespace. */
  pods: readonly Pod[];
  /** How many pods the controllers of these pods want. */
  wanted: (pods: readonly Pod[]) => number;
}

export function disruptionPlan({ budget, pods, wanted }: BudgetSight, nowMs: number): Plan {
  const spec = (budget['spec'] ?? {}) as BudgetSpec;
  const chosen = pods.filter(
    (pod) => selects(spec.selector, pod.metadata.labels) && pod.metadata.deletionTimestamp === undefined,
  );
  const isCounted = typeof spec.minAvailable === 'number';
  const expectedPods = isCounted ? chosen.length : wanted(chosen);
  const desiredHealthy =
    spec.maxUnavailable === undefined
      ? scaled(spec.minAvailable, expectedPods, Math.ceil)
      : Math.max(0, expectedPods - scaled(spec.maxUnavailable, expectedPods, Math.ceil));
  const currentHealthy = chosen.filter(isReady).length;
  const disruptionsAllowed = expectedPods > 0 ? Math.max(0, currentHealthy - desiredHealthy) : 0;
  const isAllowed = disruptionsAllowed > 0;
  const generation = budget.metadata.generation ?? 0;
  const condition = {
    type: 'DisruptionAllowed',
    status: isAllowed ? 'True' : 'False',
    reason: isAllowed ? 'SufficientPods' : 'InsufficientPods',
    message: '',
    observedGeneration: generation,
  } as const;
  const before = (budget['status'] ?? {}) as { conditions?: Condition[] };
  const conditions = withCondition(before.conditions, condition, nowMs);
  const counts = { currentHealthy, desiredHealthy, disruptionsAllowed, expectedPods };
  return planOf(statusWrites(budget, { ...before, ...counts, conditions, observedGeneration: generation }));
}
