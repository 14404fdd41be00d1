/** Minimal objects of the kinds that the API server fills in; two of a shape wherever a value might depend on another. */
import type { JsonObject } from '../../types.ts';

export interface Sample {
  path: string;
  definition: string;
  object: JsonObject;
}

const LABELS = { app: 'a' };
const SELECTOR = { matchLabels: LABELS };
const PROBES: JsonObject = {
  livenessProbe: { httpGet: { port: 80 } },
  readinessProbe: { tcpSocket: { port: 80 } },
  startupProbe: { grpc: { port: 80 } },
  lifecycle: { preStop: { httpGet: { port: 80 } }, postStart: { exec: { command: ['true'] } } },
};
const CONTAINER: JsonObject = { name: 'a', image: 'a:1' };
const FULL_CONTAINER: JsonObject = {
  name: 'b',
  image: 'b',
  ports: [{ containerPort: 80 }, { containerPort: 81, protocol: 'UDP', name: 'u' }],
  env: [
    { name: 'A', value: '' },
    { name: 'B', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    { name: 'C', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
  ],
  resources: { limits: { cpu: '0.5', memory: '1024Mi' }, requests: { cpu: '100m' } },
  ...PROBES,
};
const VOLUMES: JsonObject[] = [
  { name: 'a', configMap: { name: 'c' } },
  { name: 'b', secret: { secretName: 's' } },
  { name: 'c', emptyDir: {} },
  { name: 'd', hostPath: { path: '/x' } },
  {
    name: 'e',
    projected: {
      sources: [
        { serviceAccountToken: { path: 't' } },
        { configMap: { name: 'c' } },
        { downwardAPI: { items: [{ path: 'p', fieldRef: { fieldPath: 'metadata.labels' } }] } },
      ],
    },
  },
  { name: 'f', downwardAPI: { items: [{ path: 'p', fieldRef: { fieldPath: 'metadata.labels' } }] } },
  { name: 'g', persistentVolumeClaim: { claimName: 'p' } },
  {
    name: 'h',
    ephemeral: {
      volumeClaimTemplate: {
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
      },
    },
  },
  { name: 'i', iscsi: { targetPortal: '1.2.3.4', iqn: 'iqn.2001-04.com.example:a', lun: 0 } },
  { name: 'j', rbd: { monitors: ['m'], image: 'i' } },
];
const TEMPLATE: JsonObject = { metadata: { labels: LABELS }, spec: { containers: [CONTAINER] } };
const FULL_TEMPLATE: JsonObject = {
  metadata: { labels: LABELS },
  spec: {
    containers: [FULL_CONTAINER],
    initContainers: [{ name: 'i', image: 'i:latest' }],
    volumes: VOLUMES,
    hostNetwork: false,
    serviceAccountName: 'x',
    topologySpreadConstraints: [
      { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway', labelSelector: SELECTOR },
    ],
    tolerations: [{ key: 'a' }],
  },
};
const HOST_TEMPLATE: JsonObject = {
  metadata: { labels: LABELS },
  spec: {
    hostNetwork: true,
    restartPolicy: 'Always',
    containers: [{ ...CONTAINER, ports: [{ containerPort: 80 }], imagePullPolicy: 'Never' }],
  },
};
const JOB_TEMPLATE: JsonObject = { spec: { restartPolicy: 'Never', containers: [CONTAINER] } };

function sample(path: string, definition: string, object: JsonObject): Sample {
  return { path, definition, object: { metadata: { name: 'sample' }, ...object } };
}

function app(kind: string, spec: JsonObject): Sample {
  const path = `/apis/apps/v1/namespaces/default/${kind.toLowerCase()}s`;
  const object = { apiVersion: 'apps/v1', kind, spec: { selector: SELECTOR, ...spec } };
  return sample(path, `io.k8s.api.apps.v1.${kind}`, object);
}

function service(spec: JsonObject): Sample {
  const object = { apiVersion: 'v1', kind: 'Service', spec };
  return sample('/api/v1/namespaces/default/services', 'io.k8s.api.core.v1.Service', object);
}

function other(apiVersion: string, definition: string, plural: string, rest: JsonObject): Sample {
  const root = apiVersion.includes('/') ? '/apis' : '/api';
  const kind = definition.slice(definition.lastIndexOf('.') + 1);
  return sample(`${root}/${apiVersion}/${plural}`, definition, { apiVersion, kind, ...rest });
}

function batch(kind: string, spec: JsonObject): Sample {
  const plural = `namespaces/default/${kind.toLowerCase()}s`;
  return other('batch/v1', `io.k8s.api.batch.v1.${kind}`, plural, { spec });
}

const CLAIM = {
  metadata: { name: 'd' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
};
const WEBHOOK = {
  name: 'a.example.com',
  clientConfig: { service: { name: 's', namespace: 'default' } },
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
  rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
};
const HOOK_RULE = { apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['x'] };
const POLICY = {
  matchConstraints: { resourceRules: [HOOK_RULE] },
  validations: [{ expression: 'true' }],
};
const RBAC = 'rbac.authorization.k8s.io/v1';
const ADMISSION = 'admissionregistration.k8s.io/v1';
const CRD_NAMES = { plural: 'widgets', kind: 'Widget' };
const CRD_VERSION = {
  name: 'v1',
  served: true,
  storage: true,
  schema: { openAPIV3Schema: { type: 'object' } },
};

export const SAMPLES: readonly Sample[] = [
  app('Deployment', { template: TEMPLATE }),
  app('Deployment', { template: FULL_TEMPLATE, paused: false, replicas: 0, minReadySeconds: 0 }),
  app('Deployment', { template: HOST_TEMPLATE, strategy: { type: 'Recreate' } }),
  app('StatefulSet', { template: TEMPLATE, serviceName: 's', volumeClaimTemplates: [CLAIM] }),
  app('StatefulSet', { template: TEMPLATE, updateStrategy: { type: 'OnDelete' } }),
  app('DaemonSet', { template: TEMPLATE }),
  app('DaemonSet', { template: TEMPLATE, updateStrategy: { type: 'OnDelete' } }),
  app('ReplicaSet', { template: TEMPLATE }),
  batch('CronJob', { schedule: '0 0 * * *', jobTemplate: { spec: { template: JOB_TEMPLATE } } }),
  service({ ports: [{ port: 80 }], selector: LABELS, clusterIP: 'None' }),
  service({ type: 'ExternalName', externalName: 'example.com' }),
  service({
    ports: [{ port: 80, targetPort: 'http' }],
    sessionAffinity: 'ClientIP',
    clusterIP: 'None',
    selector: LABELS,
  }),
  other('v1', 'io.k8s.api.core.v1.Namespace', 'namespaces', {}),
  other('v1', 'io.k8s.api.core.v1.ConfigMap', 'namespaces/default/configmaps', { data: { a: '' } }),
  other('v1', 'io.k8s.api.core.v1.Secret', 'namespaces/default/secrets', { stringData: { a: 'x' } }),
  other('v1', 'io.k8s.api.core.v1.ServiceAccount', 'namespaces/default/serviceaccounts', {}),
  other('v1', 'io.k8s.api.core.v1.PersistentVolumeClaim', 'namespaces/default/persistentvolumeclaims', {
    spec: CLAIM.spec,
  }),
  other('v1', 'io.k8s.api.core.v1.PersistentVolume', 'persistentvolumes', {
    spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/x' } },
  }),
  other('v1', 'io.k8s.api.core.v1.LimitRange', 'namespaces/default/limitranges', {
    spec: { limits: [{ type: 'Container', default: { cpu: '1' } }] },
  }),
  other('v1', 'io.k8s.api.core.v1.ResourceQuota', 'namespaces/default/resourcequotas', {
    spec: { hard: { pods: '2' } },
  }),
  other('v1', 'io.k8s.api.core.v1.Endpoints', 'namespaces/default/endpoints', {
    subsets: [{ addresses: [{ ip: '10.0.0.1' }], ports: [{ port: 80 }] }],
  }),
  other('discovery.k8s.io/v1', 'io.k8s.api.discovery.v1.EndpointSlice', 'namespaces/default/endpointslices', {
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.0.0.1'] }],
    ports: [{ port: 80 }],
  }),
  other('networking.k8s.io/v1', 'io.k8s.api.networking.v1.Ingress', 'namespaces/default/ingresses', {
    spec: { defaultBackend: { service: { name: 's', port: { number: 80 } } } },
  }),
  other(
    'networking.k8s.io/v1',
    'io.k8s.api.networking.v1.NetworkPolicy',
    'namespaces/default/networkpolicies',
    {
      spec: { podSelector: {}, ingress: [{ ports: [{ port: 80 }] }] },
    },
  ),
  other(
    'networking.k8s.io/v1',
    'io.k8s.api.networking.v1.NetworkPolicy',
    'namespaces/default/networkpolicies',
    {
      spec: { podSelector: {}, egress: [{}] },
    },
  ),
  other('policy/v1', 'io.k8s.api.policy.v1.PodDisruptionBudget', 'namespaces/default/poddisruptionbudgets', {
    spec: { minAvailable: 1, selector: SELECTOR },
  }),
  other(
    'autoscaling/v2',
    'io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler',
    'namespaces/default/horizontalpodautoscalers',
    {
      spec: { maxReplicas: 3, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' } },
    },
  ),
  other(RBAC, 'io.k8s.api.rbac.v1.ClusterRole', 'clusterroles', {}),
  other(RBAC, 'io.k8s.api.rbac.v1.ClusterRoleBinding', 'clusterrolebindings', {
    roleRef: { kind: 'ClusterRole', name: 'view' },
    subjects: [
      { kind: 'ServiceAccount', name: 'a', namespace: 'default' },
      { kind: 'User', name: 'u' },
    ],
  }),
  other('storage.k8s.io/v1', 'io.k8s.api.storage.v1.StorageClass', 'storageclasses', { provisioner: 'x/y' }),
  other('storage.k8s.io/v1', 'io.k8s.api.storage.v1.CSIDriver', 'csidrivers', { spec: {} }),
  other('scheduling.k8s.io/v1', 'io.k8s.api.scheduling.v1.PriorityClass', 'priorityclasses', { value: 5 }),
  other('coordination.k8s.io/v1', 'io.k8s.api.coordination.v1.Lease', 'namespaces/default/leases', {}),
  other(
    ADMISSION,
    'io.k8s.api.admissionregistration.v1.ValidatingWebhookConfiguration',
    'validatingwebhookconfigurations',
    {
      webhooks: [WEBHOOK],
    },
  ),
  other(
    ADMISSION,
    'io.k8s.api.admissionregistration.v1.MutatingWebhookConfiguration',
    'mutatingwebhookconfigurations',
    {
      webhooks: [WEBHOOK],
    },
  ),
  other(
    ADMISSION,
    'io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicy',
    'validatingadmissionpolicies',
    {
      spec: POLICY,
    },
  ),
  {
    ...other(
      'apiextensions.k8s.io/v1',
      'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition',
      'customresourcedefinitions',
      {
        metadata: { name: 'widgets.example.com' },
        spec: { group: 'example.com', scope: 'Namespaced', names: CRD_NAMES, versions: [CRD_VERSION] },
      },
    ),
  },
];
