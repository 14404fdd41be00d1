/**
 * What to `kubectl apply` on a cluster so that its agent enrols: namespace, service account and rights, the
 * registration token, a volume for snapshot and bundles, and the agent's Deployment. Pure: a list of objects.
 */
export interface ManifestOptions {
  namespace: string;
  image: string;
  hubUrl: string;
  caSha256: string;
  token: string;
  /** Null: an emptyDir; a pod that moves then asks the hub for everything again. */
  storage: string | null;
}

type KubeObject = Record<string, unknown>;

const name = 'flotilla-agent';
const labels = { 'app.kubernetes.io/name': name, 'app.kubernetes.io/part-of': 'flotilla' };
const dataDir = '/var/lib/flotilla-agent';
const tokenDir = '/etc/flotilla/token';

export function agentManifest(options: ManifestOptions): KubeObject[] {
  return [
    namespaceObject(options),
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: meta(options) },
    ...rights(options),
    tokenSecret(options),
    ...volumeClaim(options),
    deployment(options),
  ];
}

function meta({ namespace }: ManifestOptions): KubeObject {
  return { name, namespace, labels };
}

function namespaceObject({ namespace }: ManifestOptions): KubeObject {
  const restricted = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace, labels: { ...labels, ...restricted } },
  };
}

/** The agent applies whatever its applications hold, so it may do what they need; narrow it where they need less. */
function rights({ namespace }: ManifestOptions): KubeObject[] {
  const rbac = 'rbac.authorization.k8s.io';
  return [
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRole',
      metadata: { name, labels },
      rules: [
        { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
        { nonResourceURLs: ['*'], verbs: ['get'] },
      ],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name, labels },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    },
  ];
}

function tokenSecret(options: ManifestOptions): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `${name}-token`, namespace: options.namespace, labels },
    type: 'Opaque',
    stringData: { token: options.token },
  };
}

function volumeClaim({ namespace, storage }: ManifestOptions): KubeObject[] {
  if (storage === null) return [];
  return [
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: `${name}-data`, namespace, labels },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
    },
  ];
}

function deployment(options: ManifestOptions): KubeObject {
  const data =
    options.storage === null ? { emptyDir: {} } : { persistentVolumeClaim: { claimName: `${name}-data` } };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: meta(options),
    spec: {
      replicas: 1,
      // The new pod waits as a standby beside the old one, and only the holder of the Lease writes.
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      selector: { matchLabels: { 'app.kubernetes.io/name': name } },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: name,
          terminationGracePeriodSeconds: 30,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 65532,
            runAsGroup: 65532,
            fsGroup: 65532,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          containers: [container(options)],
          volumes: [
            { name: 'data', ...data },
            { name: 'token', secret: { secretName: `${name}-token`, optional: true } },
            { name: 'tmp', emptyDir: {} },
          ],
        },
      },
    },
  };
}

function container(options: ManifestOptions): KubeObject {
  const probe = (path: string) => ({ httpGet: { path, port: 'http' }, periodSeconds: 10 });
  const env = {
    AGENT_HUB_URL: options.hubUrl,
    AGENT_HUB_CA_SHA256: options.caSha256,
    AGENT_TOKEN_FILE: `${tokenDir}/token`,
    AGENT_NAMESPACE: options.namespace,
    AGENT_DATA_DIR: dataDir,
    AGENT_HTTP_LISTEN: '0.0.0.0:8080',
  };
  return {
    name: 'agent',
    image: options.image,
    env: [
      ...Object.entries(env).map(([variable, value]) => ({ name: variable, value })),
      // A container that is started again in the same pod need not wait for the Lease of the one before.
      { name: 'AGENT_POD_UID', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } },
    ],
    ports: [{ name: 'http', containerPort: 8080 }],
    readinessProbe: probe('/readyz'),
    livenessProbe: { ...probe('/healthz'), failureThreshold: 6 },
    resources: { requests: { cpu: '20m', memory: '96Mi' }, limits: { memory: '512Mi' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [
      { name: 'data', mountPath: dataDir },
      { name: 'token', mountPath: tokenDir, readOnly: true },
      { name: 'tmp', mountPath: '/tmp' },
    ],
  };
}
