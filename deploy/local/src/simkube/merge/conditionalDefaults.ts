/** Defaults that depend on other fields of the object, one function for each type; they change the draft they are given. */
import type { Json, JsonObject } from '../types.ts';

type Fill = (draft: JsonObject) => void;

const CORE = 'io.k8s.api.core.v1.';
const APPS = 'io.k8s.api.apps.v1.';

/** Run before the fields below are looked at: what only holds for an object of this kind, not for its template elsewhere. */
export const ROOT_DEFAULTS: Record<string, Fill> = {
  [`${CORE}Pod`]: (pod) => fillPod(objectAt(pod, 'spec')),
  [`${CORE}Secret`]: fillSecret,
  'io.k8s.api.batch.v1.Job': (job) => fillJob(objectAt(job, 'spec')),
};

export const CONDITIONAL_DEFAULTS: Record<string, Fill> = {
  [`${CORE}Container`]: fillImagePullPolicy,
  [`${CORE}EphemeralContainer`]: fillImagePullPolicy,
  [`${CORE}PodSpec`]: fillServiceAccount,
  [`${CORE}Volume`]: (volume) => {
    if (Object.keys(volume).every((key) => key === 'name')) volume['emptyDir'] = {};
  },
  [`${CORE}ServiceSpec`]: fillService,
  [`${CORE}ServicePort`]: (port) => {
    if (port['targetPort'] === undefined || port['targetPort'] === 0 || port['targetPort'] === '')
      port['targetPort'] = port['port'] ?? 0;
  },
  [`${CORE}LimitRangeItem`]: fillLimits,
  [`${APPS}DeploymentStrategy`]: fillRollingUpdate,
  [`${APPS}StatefulSetUpdateStrategy`]: fillRollingUpdate,
  [`${APPS}DaemonSetUpdateStrategy`]: fillRollingUpdate,
  'io.k8s.api.networking.v1.NetworkPolicySpec': (spec) => {
    if (spec['policyTypes'] !== undefined) return;
    const egress = spec['egress'] as Json[] | undefined;
    spec['policyTypes'] = (egress?.length ?? 0) > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
  },
  'io.k8s.api.storage.v1.CSIDriverSpec': (spec) => {
    spec['volumeLifecycleModes'] ??= ['Persistent'];
  },
  'io.k8s.api.rbac.v1.Subject': (subject) => {
    if (subject['kind'] === 'User' || subject['kind'] === 'Group')
      subject['apiGroup'] ??= 'rbac.authorization.k8s.io';
  },
  'io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerSpec': (spec) => {
    const target = { type: 'Utilization', averageUtilization: 80 };
    spec['metrics'] ??= [{ type: 'Resource', resource: { name: 'cpu', target } }];
  },
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionNames': (names) => {
    if (typeof names['kind'] !== 'string' || names['kind'] === '') return;
    names['singular'] ??= names['kind'].toLowerCase();
    names['listKind'] ??= `${names['kind']}List`;
  },
};

function objectAt(parent: JsonObject, name: string): JsonObject {
  const value = parent[name];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}

function objectsAt(parent: JsonObject, name: string): JsonObject[] {
  const value = parent[name];
  return Array.isArray(value) ? (value as JsonObject[]) : [];
}

function fillImagePullPolicy(container: JsonObject): void {
  const image = container['image'];
  if (container['imagePullPolicy'] !== undefined && container['imagePullPolicy'] !== '') return;
  const name = typeof image === 'string' ? image : '';
  const last = name.slice(name.lastIndexOf('/') + 1);
  const isLatest = !name.includes('@') && (!last.includes(':') || last.endsWith(':latest'));
  container['imagePullPolicy'] = isLatest ? 'Always' : 'IfNotPresent';
}

function fillServiceAccount(spec: JsonObject): void {
  const name = spec['serviceAccountName'] ?? spec['serviceAccount'];
  if (name === undefined) return;
  spec['serviceAccountName'] = name;
  spec['serviceAccount'] = name;
}

function fillPod(spec: JsonObject): void {
  spec['enableServiceLinks'] ??= true;
  const containers = [...objectsAt(spec, 'initContainers'), ...objectsAt(spec, 'containers')];
  for (const container of containers) {
    if (spec['hostNetwork'] === true)
      for (const port of objectsAt(container, 'ports')) port['hostPort'] ??= port['containerPort'] ?? 0;
    const resources = objectAt(container, 'resources');
    const limits = objectAt(resources, 'limits');
    if (Object.keys(limits).length > 0)
      resources['requests'] = { ...limits, ...objectAt(resources, 'requests') };
  }
}

/** What people write as text is kept as bytes. */
function fillSecret(secret: JsonObject): void {
  const text = objectAt(secret, 'stringData');
  delete secret['stringData'];
  const entries = Object.entries(text).map(([key, value]) => [
    key,
    Buffer.from(String(value)).toString('base64'),
  ]);
  if (entries.length > 0)
    secret['data'] = { ...objectAt(secret, 'data'), ...(Object.fromEntries(entries) as JsonObject) };
}

const INT32_MAX = 2_147_483_647;

function fillJob(spec: JsonObject): void {
  if (spec['completions'] === undefined && spec['parallelism'] === undefined) spec['completions'] = 1;
  spec['parallelism'] ??= 1;
  spec['backoffLimit'] ??= spec['backoffLimitPerIndex'] === undefined ? 6 : INT32_MAX;
  spec['completionMode'] ??= 'NonIndexed';
  spec['suspend'] ??= false;
  spec['manualSelector'] ??= false;
  spec['podReplacementPolicy'] ??= spec['podFailurePolicy'] === undefined ? 'TerminatingOrFailed' : 'Failed';
}

function fillService(spec: JsonObject): void {
  const { type } = spec;
  if (spec['sessionAffinity'] === 'ClientIP') spec['sessionAffinityConfig'] ??= { clientIP: {} };
  if (type === 'ExternalName') return;
  if (type === 'NodePort' || type === 'LoadBalancer') spec['externalTrafficPolicy'] ??= 'Cluster';
  if (type === 'LoadBalancer') spec['allocateLoadBalancerNodePorts'] ??= true;
  spec['internalTrafficPolicy'] ??= 'Cluster';
}

function fillRollingUpdate(strategy: JsonObject): void {
  if (strategy['type'] === 'RollingUpdate') strategy['rollingUpdate'] ??= {};
}

function fillLimits(item: JsonObject): void {
  if (item['type'] !== 'Container') return;
  const limits = { ...objectAt(item, 'max'), ...objectAt(item, 'default') };
  if (Object.keys(limits).length > 0) item['default'] = limits;
  const requests = { ...limits, ...objectAt(item, 'min'), ...objectAt(item, 'defaultRequest') };
  if (Object.keys(requests).length > 0) item['defaultRequest'] = requests;
}
