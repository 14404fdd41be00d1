/**
 * Custom resources that are so common that their terminal reasons are known: there `Ready=False` means Degraded at once,
 * where the conventions alone would wait. Anything else about them goes by the conventions, and one that has said nothing
 * yet is in progress.
 */
import type { KubeObject } from '../object/types.ts';
import type { Health } from '../status/words.ts';
import { behind, conditionOf, conditionsAt, is, isBehind, isStale, verdict, verdictOf } from './condition.ts';
import type { StatusCondition } from './condition.ts';
import { conventionalHealth } from './conventions.ts';
import type { HealthOfKind } from './health.ts';
import { isTrueAt, listAt, numberAt, textAt } from './read.ts';

const notYet = verdict('Progressing', 'waiting for the controller’s first status');

/** Ready=False with a reason that matches is Degraded at once. */
function degradedWhen(terminal: RegExp): HealthOfKind {
  return (object) => {
    if (isTrueAt(object, 'spec', 'suspend')) return verdict('Suspended', 'reconciliation is suspended');
    const ready = conditionOf(object, 'Ready');
    const isFinal = ready !== undefined && is(ready, 'False') && terminal.test(ready.reason);
    if (isFinal && !isBehind(object) && !isStale(object, ready)) return verdictOf('Degraded', ready);
    return conventionalHealth(object) ?? notYet;
  };
}

export const issuerHealth = degradedWhen(/^Err|Error$|Failed$|Invalid/);
export const fluxHealth = degradedWhen(/Failed$|Error$|^Invalid|^RetriesExceeded$/);
export const externalSecretHealth = degradedWhen(/Error$|Failed$|^Invalid/);
/** Knative says Unknown while it is at work and False only when it has failed. */
export const knativeHealth = degradedWhen(/^/);

export function certificateHealth(object: KubeObject): Health {
  const issuing = conditionOf(object, 'Issuing');
  if (issuing !== undefined && is(issuing, 'True')) return verdictOf('Progressing', issuing);
  const ready = conditionOf(object, 'Ready');
  if (ready === undefined) return notYet;
  if (isStale(object, ready)) return behind;
  if (is(ready, 'True')) return verdict('Healthy', ready.message);
  const hasFailed = issuing !== undefined && /^(Failed|Denied|InvalidRequest)$/.test(issuing.reason);
  if (hasFailed) return verdictOf('Degraded', issuing);
  const isFinal = /^(Failed|Denied|InvalidRequest|Expired)$/.test(ready.reason);
  return verdictOf(isFinal ? 'Degraded' : 'Progressing', ready);
}

/** Argo's Rollout says it itself; it writes the observed generation as text. */
export function argoRolloutHealth(object: KubeObject): Health {
  const invalid = conditionOf(object, 'InvalidSpec');
  if (invalid !== undefined && is(invalid, 'True')) return verdictOf('Degraded', invalid);
  if (isTrueAt(object, 'spec', 'paused')) return verdict('Suspended', 'the rollout is paused');
  const observed = Number(textAt(object, 'status', 'observedGeneration') || 'NaN');
  if (observed < (numberAt(object, 'metadata', 'generation') ?? 0)) return behind;
  const message = textAt(object, 'status', 'message');
  switch (textAt(object, 'status', 'phase')) {
    case 'Healthy':
      return verdict('Healthy', message);
    case 'Degraded':
      return verdict('Degraded', message || 'the rollout is degraded');
    case 'Paused':
      return verdict('Suspended', message || 'the rollout is paused');
    case 'Progressing':
      return verdict('Progressing', message);
    default:
      return notYet;
  }
}

export function argoApplicationHealth(object: KubeObject): Health {
  const failed = conditionsAt(object, 'status', 'conditions').find(({ type }) => type.endsWith('Error'));
  if (failed !== undefined) return verdict('Degraded', `${failed.type}: ${failed.message}`);
  const message = textAt(object, 'status', 'health', 'message');
  const status = textAt(object, 'status', 'health', 'status');
  switch (status) {
    case 'Healthy':
    case 'Suspended':
    case 'Progressing':
    case 'Missing':
    case 'Degraded':
    case 'Unknown':
      return verdict(status, message);
    default:
      return notYet;
  }
}

/** Cluster and Machine of Cluster API. */
export function clusterApiHealth(object: KubeObject): Health {
  if (isTrueAt(object, 'spec', 'paused')) return verdict('Suspended', 'reconciliation is paused');
  const failure = textAt(object, 'status', 'failureMessage') || textAt(object, 'status', 'failureReason');
  if (failure !== '') return verdict('Degraded', failure);
  const phase = textAt(object, 'status', 'phase');
  if (phase === 'Failed') return verdict('Degraded', 'provisioning failed');
  if (isBehind(object)) return behind;
  const ready = conditionOf(object, 'Available') ?? conditionOf(object, 'Ready');
  if (ready === undefined) return /^(Provisioned|Running)$/.test(phase) ? verdict('Healthy') : notYet;
  if (is(ready, 'True')) return verdict('Healthy');
  return verdictOf(is(ready, 'False') && ready.severity === 'Error' ? 'Degraded' : 'Progressing', ready);
}

export function gatewayHealth(object: KubeObject): Health {
  const conditions = conditionsAt(object, 'status', 'conditions');
  return gatewayApiHealth(
    object,
    conditions,
    ['Accepted', 'Programmed'],
    /^(Invalid\w*|ListenersNotValid|Unsupported\w*|AddressNotUsable|NoResources)$/,
  );
}

/** A route is as well as the worst of the gateways that it names. */
export function routeHealth(object: KubeObject): Health {
  const parents = listAt(object, 'status', 'parents');
  const terminal =
    /^(NotAllowed\w*|NoMatching\w*|Unsupported\w*|Incompatible\w*|RefNotPermitted|Invalid\w*)$/;
  const healths = parents.map((parent) =>
    gatewayApiHealth(object, conditionsAt(parent, 'conditions'), ['Accepted', 'ResolvedRefs'], terminal),
  );
  const bad = (['Degraded', 'Progressing'] as const).map((status) =>
    healths.find((health) => health.status === status),
  );
  return bad.find((health) => health !== undefined) ?? healths[0] ?? notYet;
}

function gatewayApiHealth(
  object: KubeObject,
  conditions: readonly StatusCondition[],
  wanted: readonly string[],
  terminal: RegExp,
): Health {
  for (const type of wanted) {
    const condition = conditions.find((candidate) => candidate.type === type);
    if (condition === undefined) return notYet;
    if (isStale(object, condition)) return behind;
    if (is(condition, 'True')) continue;
    return verdictOf(
      is(condition, 'False') && terminal.test(condition.reason) ? 'Degraded' : 'Progressing',
      condition,
    );
  }
  return verdict('Healthy');
}
