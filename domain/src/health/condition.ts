/** Status conditions and generations: how controllers say how far they are. */
import type { Json, JsonMap, KubeObject } from '../object/types.ts';
import type { Health, HealthStatus } from '../status/words.ts';
import { listAt, numberAt, textAt } from './read.ts';

export interface StatusCondition {
  type: string;
  status: string;
  reason: string;
  message: string;
  severity: string;
  /** The generation that the condition speaks of; undefined where its controller does not say. */
  observedGeneration: number | undefined;
}

export function conditionsAt(value: Json | undefined, ...path: readonly string[]): StatusCondition[] {
  return listAt(value, ...path).map(toCondition);
}

/** Of `status.conditions`. */
export function conditionOf(object: KubeObject, type: string): StatusCondition | undefined {
  return conditionsAt(object, 'status', 'conditions').find((condition) => condition.type === type);
}

export function is(condition: StatusCondition | undefined, status: 'True' | 'False' | 'Unknown'): boolean {
  return condition?.status === status;
}

/** The controller has not yet seen the present spec. */
export function isBehind(object: KubeObject): boolean {
  const observed = numberAt(object, 'status', 'observedGeneration');
  return observed !== undefined && observed < generationOf(object);
}

/** The condition speaks of an older spec. */
export function isStale(object: KubeObject, condition: StatusCondition): boolean {
  return condition.observedGeneration !== undefined && condition.observedGeneration < generationOf(object);
}

export function generationOf(object: KubeObject): number {
  return numberAt(object, 'metadata', 'generation') ?? 0;
}

export function verdict(status: HealthStatus, message = ''): Health {
  return { status, message };
}

/** The verdict with the condition's own words. */
export function verdictOf(status: HealthStatus, condition: StatusCondition): Health {
  const { type, reason, message } = condition;
  if (message !== '') return { status, message: reason === '' ? message : `${reason}: ${message}` };
  return { status, message: reason === '' ? `condition ${type} is ${condition.status}` : reason };
}

export const behind: Health = {
  status: 'Progressing',
  message: 'waiting for the controller to see the present spec',
};

function toCondition(value: JsonMap): StatusCondition {
  return {
    type: textAt(value, 'type'),
    status: textAt(value, 'status'),
    reason: textAt(value, 'reason'),
    message: textAt(value, 'message'),
    severity: textAt(value, 'severity'),
    observedGeneration: numberAt(value, 'observedGeneration'),
  };
}
