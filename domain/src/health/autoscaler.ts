/** HorizontalPodAutoscaler of autoscaling/v2, and of v1, where conditions are JSON in an annotation. */
import type { Json, KubeObject } from '../object/types.ts';
import type { Health } from '../status/words.ts';
import { conditionsAt, is, verdict, verdictOf, type StatusCondition } from './condition.ts';
import { textAt } from './read.ts';

const v1Annotation = 'autoscaling.alpha.kubernetes.io/conditions';
const cannotScale = /^(FailedGetScale|FailedUpdateScale)$/;
const cannotMeasure = /^(FailedGet\w*Metric|FailedComputeMetricsReplicas|InvalidSelector)$/;

export function horizontalPodAutoscalerHealth(object: KubeObject): Health {
  const conditions = conditionsOf(object);
  const failed = conditions.find(isFailure);
  if (failed !== undefined) return verdictOf('Degraded', failed);
  const working = conditions.find(
    ({ type, status }) => status === 'True' && /^(AbleToScale|ScalingLimited)$/.test(type),
  );
  return working === undefined
    ? verdict('Progressing', 'waiting to autoscale')
    : verdict('Healthy', working.message);
}

function isFailure(condition: StatusCondition): boolean {
  if (!is(condition, 'False')) return false;
  if (condition.type === 'AbleToScale') return cannotScale.test(condition.reason);
  return condition.type === 'ScalingActive' && cannotMeasure.test(condition.reason);
}

function conditionsOf(object: KubeObject): StatusCondition[] {
  const conditions = conditionsAt(object, 'status', 'conditions');
  if (conditions.length > 0) return conditions;
  return conditionsAt(
    { conditions: parsed(textAt(object, 'metadata', 'annotations', v1Annotation)) },
    'conditions',
  );
}

/** Whatever stands in an annotation may be anything. */
function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return [];
  }
}
