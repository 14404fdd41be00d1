/** What may not change once an object is there. */
import type { Json, JsonObject, KubeObject } from '../types.ts';
import { forbidden, IMMUTABLE, invalid, type FieldError } from './fieldErrors.ts';
import { isEqual, isObject, itemsOf } from './shape.ts';

type Check = (before: KubeObject, after: KubeObject) => FieldError[];

const STATEFUL_SET_MUTABLE = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
];
const STATEFUL_SET_TEXT =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
const POD_TEXT =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';
const CLAIM_TEXT =
  'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';

export const IMMUTABLE_CHECKS: Record<string, Check> = {
  'apps/Deployment': unchanged('spec.selector'),
  'apps/ReplicaSet': unchanged('spec.selector'),
  'apps/DaemonSet': unchanged('spec.selector'),
  'apps/StatefulSet': (before, after) =>
    isSameBut(spec(before), spec(after), STATEFUL_SET_MUTABLE) ? [] : [forbidden('spec', STATEFUL_SET_TEXT)],
  'batch/Job': jobChanges,
  '/Service': serviceChanges,
  '/ConfigMap': (before, after) => frozen(before, after, ['data', 'binaryData']),
  '/Secret': (before, after) => [...unchanged('type')(before, after), ...frozen(before, after, ['data'])],
  '/PersistentVolumeClaim': claimChanges,
  '/Pod': (before, after) =>
    isEqual(podFrozen(before), podFrozen(after)) ? [] : [forbidden('spec', POD_TEXT)],
  'rbac.authorization.k8s.io/RoleBinding': roleRefChanges,
  'rbac.authorization.k8s.io/ClusterRoleBinding': roleRefChanges,
  'storage.k8s.io/StorageClass': (before, after) => [
    ...frozenFields(before, after, ['parameters', 'provisioner'], 'updates to FIELD are forbidden.'),
    ...unchanged('reclaimPolicy')(before, after),
    ...unchanged('volumeBindingMode')(before, after),
  ],
  'scheduling.k8s.io/PriorityClass': (before, after) =>
    frozenFields(before, after, ['value'], 'may not be changed in an update.'),
};

export function at(object: unknown, path: string): Json | undefined {
  let value = object as Json | undefined;
  for (const name of path.split('.')) value = isObject(value) ? value[name] : undefined;
  return value;
}

function spec(object: KubeObject): JsonObject {
  const value = at(object, 'spec');
  return isObject(value) ? value : {};
}

function unchanged(path: string): Check {
  return (before, after) =>
    isEqual(at(before, path), at(after, path)) ? [] : [invalid(path, at(after, path), IMMUTABLE)];
}

function isSameBut(before: JsonObject, after: JsonObject, mutable: string[]): boolean {
  const rest = (value: JsonObject) =>
    Object.fromEntries(Object.entries(value).filter(([name]) => !mutable.includes(name)));
  return isEqual(rest(before), rest(after));
}

function frozen(before: KubeObject, after: KubeObject, fields: string[]): FieldError[] {
  if (before['immutable'] !== true) return [];
  const detail = 'field is immutable when `immutable` is set';
  const errors = after['immutable'] === true ? [] : [forbidden('immutable', detail)];
  return [...errors, ...frozenFields(before, after, fields, detail)];
}

function frozenFields(before: KubeObject, after: KubeObject, fields: string[], detail: string): FieldError[] {
  return fields
    .filter((name) => !isEqual(at(before, name), at(after, name)))
    .map((name) => forbidden(name, detail.replace('FIELD', name)));
}

/** The template of a suspended job may be told where to run. */
function jobChanges(before: KubeObject, after: KubeObject): FieldError[] {
  const paths = ['spec.completionMode', 'spec.selector'];
  const errors = paths.flatMap((path) => unchanged(path)(before, after));
  if (
    at(before, 'spec.completions') !== at(after, 'spec.completions') &&
    at(after, 'spec.completionMode') !== 'Indexed'
  )
    errors.push(...unchanged('spec.completions')(before, after));
  const isWaiting = at(before, 'spec.suspend') === true && at(before, 'status.startTime') === undefined;
  return isWaiting ? errors : [...errors, ...unchanged('spec.template')(before, after)];
}

function serviceChanges(before: KubeObject, after: KubeObject): FieldError[] {
  const isExternal = [before, after].some((object) => at(object, 'spec.type') === 'ExternalName');
  const [old, next] = [itemsOf(at(before, 'spec.clusterIPs')), itemsOf(at(after, 'spec.clusterIPs'))];
  if (isExternal || old.length === 0 || isEqual(old[0], next[0])) return [];
  return [invalid('spec.clusterIPs[0]', next, 'may not change once set')];
}

function claimChanges(before: KubeObject, after: KubeObject): FieldError[] {
  const mutable = ['resources', 'volumeAttributesClassName'];
  // Filled in by whoever binds it.
  if (at(before, 'spec.volumeName') === undefined) mutable.push('volumeName');
  if (at(before, 'spec.storageClassName') === undefined) mutable.push('storageClassName');
  return isSameBut(spec(before), spec(after), mutable) ? [] : [forbidden('spec', CLAIM_TEXT)];
}

function podFrozen(pod: KubeObject): JsonObject {
  const frozenSpec: JsonObject = { ...spec(pod) };
  for (const name of [
    'activeDeadlineSeconds',
    'tolerations',
    'terminationGracePeriodSeconds',
    'schedulingGates',
  ])
    delete frozenSpec[name];
  for (const list of ['containers', 'initContainers'])
    frozenSpec[list] = itemsOf(frozenSpec[list]).map((item) =>
      isObject(item) ? { ...item, image: '' } : item,
    );
  // Binding sets the node, through a subresource of its own.
  delete frozenSpec['nodeName'];
  return frozenSpec;
}

function roleRefChanges(before: KubeObject, after: KubeObject): FieldError[] {
  if (isEqual(at(before, 'roleRef'), at(after, 'roleRef'))) return [];
  return [invalid('roleRef', at(after, 'roleRef'), 'cannot change roleRef')];
}
