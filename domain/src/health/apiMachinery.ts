/** APIService, CustomResourceDefinition, Namespace and PodDisruptionBudget. */
import type { KubeObject } from '../object/types.ts';
import type { Health } from '../status/words.ts';
import { conditionOf, is, verdict, verdictOf } from './condition.ts';
import { textAt } from './read.ts';

export function apiServiceHealth(object: KubeObject): Health {
  const available = conditionOf(object, 'Available');
  if (is(available, 'True')) return verdict('Healthy');
  return available === undefined
    ? verdict('Progressing', 'waiting to be available')
    : verdictOf('Progressing', available);
}

export function customResourceDefinitionHealth(object: KubeObject): Health {
  if (is(conditionOf(object, 'Established'), 'True')) return verdict('Healthy');
  const names = conditionOf(object, 'NamesAccepted');
  if (names !== undefined && is(names, 'False')) return verdictOf('Degraded', names);
  return verdict('Progressing', 'waiting to be established');
}

export function namespaceHealth(object: KubeObject): Health {
  const isTerminating = textAt(object, 'status', 'phase') === 'Terminating';
  return isTerminating ? verdict('Progressing', 'the namespace is terminating') : verdict('Healthy');
}

export function podDisruptionBudgetHealth(object: KubeObject): Health {
  const allowed = conditionOf(object, 'DisruptionAllowed');
  const isBroken = allowed?.reason === 'SyncFailed' && is(allowed, 'False');
  return isBroken ? verdictOf('Degraded', allowed) : verdict('Healthy');
}
