/** EndpointSlices of Services, and the addresses that a cloud would give load balancers and ingresses. */
import type { KubeObject } from '../types.ts';
import { canonical, fnv32 } from '../hash.ts';
import { isReady, ownerReferenceTo, selects, statusWrites } from './objects.ts';
import { planOf, type Plan, type Write } from './plan.ts';
import type { Pod } from './shapes.ts';

interface ServicePort {
  name?: string;
  port: number;
  protocol?: string;
  targetPort?: number | string;
}

interface ServiceSpec {
  type?: string;
  selector?: Record<string, string>;
  ports?: ServicePort[];
}

export interface ServiceSight {
  service: KubeObject;
  /** Of its namespace. */
  pods: readonly Pod[];
  /** That it controls. */
  slices: readonly KubeObject[];
}

export function servicePlan({ service, pods, slices }: ServiceSight): Plan {
  if (service.metadata.deletionTimestamp !== undefined) return planOf([]);
  const spec = (service['spec'] ?? {}) as ServiceSpec;
  const writes: Write[] = [];
  const { selector = {} } = spec;
  if (Object.keys(selector).length > 0 && spec.type !== 'ExternalName') {
    const chosen = pods.filter((pod) => selects({ matchLabels: selector }, pod.metadata.labels));
    writes.push(...sliceWrites(service, spec, chosen, slices));
  }
  if (spec.type === 'LoadBalancer') writes.push(...addressWrites(service, { ipMode: 'VIP' }));
  return planOf(writes);
}

export function ingressPlan(ingress: KubeObject): Plan {
  return planOf(ingress.metadata.deletionTimestamp === undefined ? addressWrites(ingress, {}) : []);
}

function addressWrites(object: KubeObject, more: object): Write[] {
  const status = (object['status'] ?? {}) as { loadBalancer?: { ingress?: object[] } };
  if ((status.loadBalancer?.ingress ?? []).length > 0) return [];
  const hash = fnv32(object.metadata.uid ?? '');
  // A network that is reserved for benchmarks: nobody is reached there by mistake.
  const ip = `198.18.${(hash >>> 8) & 255}.${1 + (hash % 254)}`;
  return statusWrites(object, { ...status, loadBalancer: { ingress: [{ ip, ...more }] } });
}

function sliceWrites(
  service: KubeObject,
  spec: ServiceSpec,
  pods: readonly Pod[],
  slices: readonly KubeObject[],
): Write[] {
  const { name = '', namespace = '' } = service.metadata;
  const endpoints = pods.filter(hasAddress).map(endpointOf);
  const ports = (spec.ports ?? []).map((port) => ({
    name: port.name ?? '',
    port: targetOf(port, pods[0]),
    protocol: port.protocol ?? 'TCP',
  }));
  const [first] = slices;
  if (first !== undefined) {
    const isSame =
      canonical([first['endpoints'] ?? [], first['ports'] ?? []]) === canonical([endpoints, ports]);
    return isSame ? [] : [{ do: 'update', object: { ...first, endpoints, ports } }];
  }
  const labels = {
    'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    'kubernetes.io/service-name': name,
  };
  const metadata = {
    generateName: `${name}-`,
    namespace,
    labels,
    ownerReferences: [ownerReferenceTo(service)],
  };
  const slice = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata, addressType: 'IPv4' };
  return [{ do: 'create', object: { ...slice, endpoints, ports } }];
}

function hasAddress({ status }: Pod): boolean {
  return status?.podIP !== undefined && status.phase !== 'Failed' && status.phase !== 'Succeeded';
}

function endpointOf(pod: Pod): object {
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const isServing = isReady(pod);
  const { name, namespace, uid } = pod.metadata;
  return {
    addresses: [pod.status?.podIP ?? ''],
    conditions: { ready: isServing && !terminating, serving: isServing, terminating },
    nodeName: pod.spec.nodeName,
    targetRef: { kind: 'Pod', name, namespace, uid },
  };
}

function targetOf({ port, targetPort }: ServicePort, pod: Pod | undefined): number {
  if (typeof targetPort !== 'string') return targetPort || port;
  const named = pod?.spec.containers
    .flatMap(({ ports = [] }) => ports)
    .find(({ name }) => name === targetPort);
  return named?.containerPort ?? port;
}
