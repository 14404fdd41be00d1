/** Small objects for the cases. */
import type { Json } from './json.ts';

export function configMap(
  name: string,
  data: Record<string, string> = { a: '1' },
  metadata: Json = {},
): Json {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data };
}

export interface WorkloadOptions {
  replicas?: number;
  image?: string;
  /** Of the pods; see `deploy/local/kubelab/stages/fail.yaml`. */
  fail?: string;
  spec?: Json;
}

export function podTemplate(
  name: string,
  { image = 'registry.example/app:1', fail }: WorkloadOptions = {},
): Json {
  return {
    metadata: {
      labels: { app: name },
      ...(fail === undefined ? {} : { annotations: { 'flotilla.dev/test-fail': fail } }),
    },
    spec: { containers: [{ name: 'main', image }] },
  };
}

export function workload(kind: string, name: string, options: WorkloadOptions = {}): Json {
  const replicas = kind === 'DaemonSet' ? {} : { replicas: options.replicas ?? 1 };
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name },
    spec: {
      ...replicas,
      ...(kind === 'StatefulSet' ? { serviceName: name } : {}),
      selector: { matchLabels: { app: name } },
      template: podTemplate(name, options),
      ...options.spec,
    },
  };
}

export function deployment(name: string, options: WorkloadOptions = {}): Json {
  return workload('Deployment', name, options);
}

export function job(name: string, options: WorkloadOptions & { job?: Json } = {}): Json {
  const { spec, metadata } = podTemplate(name, options);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name },
    spec: { ...options.job, template: { metadata, spec: { ...spec, restartPolicy: 'Never' } } },
  };
}

export function service(name: string, ports: Json[] = [{ port: 80 }]): Json {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { selector: { app: name }, ports } };
}

/** An owner reference to an object that was read. */
export function ownedBy(owner: Json, blockOwnerDeletion?: boolean): Json {
  const { apiVersion, kind, metadata } = owner;
  return {
    apiVersion,
    kind,
    name: metadata.name,
    uid: metadata.uid,
    ...(blockOwnerDeletion === undefined ? {} : { blockOwnerDeletion }),
  };
}
