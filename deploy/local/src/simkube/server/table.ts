/** The cells of `kubectl get`: for common kinds those of the real server, for CRDs their printer columns. */
import { tableColumnsOf, type TableColumn } from '../schema/builtin.ts';
import type { KubeObject, ResourceType } from '../types.ts';
import type { CrdVersion } from './catalogue.ts';

export type Column = TableColumn & { path?: string };
type Cell = string | number | boolean | null;
type Cells = (object: KubeObject, nowMs: number) => Record<string, Cell>;

const nameColumn: Column = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Name must be unique within a namespace.',
  priority: 0,
};
const ageColumn: Column = {
  name: 'Age',
  type: 'date',
  format: '',
  description: 'Time since this object was made.',
  priority: 0,
  path: '.metadata.creationTimestamp',
};

export function columnsOf(type: ResourceType, custom: CrdVersion | undefined): Column[] {
  if (custom) {
    const own = custom.additionalPrinterColumns?.map((column) => ({
      format: '',
      description: '',
      priority: 0,
      ...column,
      path: column.jsonPath,
    }));
    return [nameColumn, ...(own ?? [ageColumn])];
  }
  const known = tableColumnsOf(type.group, type.plural);
  return known.length > 0 ? [...known] : [nameColumn, ageColumn];
}

export function rowOf(type: ResourceType, columns: Column[], object: KubeObject, nowMs: number): Cell[] {
  const cells = cellsOf[type.plural]?.(object, nowMs) ?? {};
  return columns.map((column) => {
    if (column.name === 'Name') return object.metadata.name ?? '';
    if (column.path !== undefined) return pathCell(column, object, nowMs);
    const cell = cells[column.name];
    if (cell !== undefined) return cell;
    if (column.name === 'Age') return age(object.metadata.creationTimestamp, nowMs);
    if (column.name === 'Created At') return object.metadata.creationTimestamp ?? '';
    return '<none>';
  });
}

function pathCell(column: Column, object: KubeObject, nowMs: number): Cell {
  const steps = (column.path ?? '').replace(/^\./, '').match(/[^.[\]]+|\[[^\]]*\]/g) ?? [];
  let value: unknown = object;
  for (const step of steps) value = at(value, step);
  if (value === undefined || value === null) return null;
  if (column.type === 'date') return age(String(value), nowMs);
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string') return value;
  return JSON.stringify(value);
}

/** A field, an index, or the element of a list where a field has a value: `[?(@.type=="Ready")]`. */
function at(value: unknown, step: string): unknown {
  if (!step.startsWith('[')) return (value as Record<string, unknown> | null | undefined)?.[step];
  if (!Array.isArray(value)) return undefined;
  const filter = /@\.([\w-]+)\s*==\s*["']([^"']*)["']/.exec(step);
  const list = value as Record<string, unknown>[];
  return filter ? list.find((item) => item[filter[1] ?? ''] === filter[2]) : list[Number(step.slice(1, -1))];
}

/** `5s`, `3m20s`, `2h`, `4d`, as kubectl shows them. */
export function age(since: string | undefined, nowMs: number): string {
  if (!since) return '<unknown>';
  const seconds = Math.max(0, Math.floor((nowMs - Date.parse(since)) / 1_000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return withRest(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return withRest(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  return days < 8 ? withRest(days, 'd', hours % 24, 'h') : `${days}d`;
}

function withRest(whole: number, unit: string, rest: number, restUnit: string): string {
  return rest === 0 ? `${whole}${unit}` : `${whole}${unit}${rest}${restUnit}`;
}

interface Container {
  name: string;
  image: string;
}

interface ContainerStatus {
  ready: boolean;
  restartCount: number;
  state?: { waiting?: { reason?: string }; terminated?: { reason?: string } };
}

type Fields = Record<string, unknown> | undefined;

function field(object: KubeObject, ...path: string[]): unknown {
  let value: unknown = object;
  for (const step of path) value = (value as Fields)?.[step];
  return value;
}

function number(object: KubeObject, ...path: string[]): number {
  return Number(field(object, ...path) ?? 0);
}

function ofTemplate(object: KubeObject): Record<string, Cell> {
  const containers = (field(object, 'spec', 'template', 'spec', 'containers') ?? []) as Container[];
  const labels = (field(object, 'spec', 'selector', 'matchLabels') ?? {}) as Record<string, string>;
  const selector = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return {
    Containers: containers.map(({ name }) => name).join(','),
    Images: containers.map(({ image }) => image).join(','),
    Selector: selector.join(',') || '<none>',
  };
}

function podCells(pod: KubeObject): Record<string, Cell> {
  const statuses = (field(pod, 'status', 'containerStatuses') ?? []) as ContainerStatus[];
  const containers = (field(pod, 'spec', 'containers') ?? []) as Container[];
  const trouble = statuses
    .map(({ state }) => state?.waiting?.reason ?? state?.terminated?.reason)
    .find((reason) => reason !== undefined);
  const phase = String(field(pod, 'status', 'reason') ?? field(pod, 'status', 'phase') ?? 'Unknown');
  const status = pod.metadata.deletionTimestamp ? 'Terminating' : (trouble ?? phase);
  return {
    Ready: `${statuses.filter(({ ready }) => ready).length}/${containers.length}`,
    Status: status,
    Restarts: String(statuses.reduce((sum, { restartCount }) => sum + restartCount, 0)),
    IP: String(field(pod, 'status', 'podIP') ?? '<none>'),
    Node: String(field(pod, 'spec', 'nodeName') ?? '<none>'),
    'Nominated Node': '<none>',
    'Readiness Gates': '<none>',
  };
}

function serviceCells(service: KubeObject): Record<string, Cell> {
  const ports = (field(service, 'spec', 'ports') ?? []) as {
    port: number;
    nodePort?: number;
    protocol?: string;
  }[];
  const selector = Object.entries((field(service, 'spec', 'selector') ?? {}) as Record<string, string>);
  const type = String(field(service, 'spec', 'type') ?? 'ClusterIP');
  const ingress = field(service, 'status', 'loadBalancer', 'ingress') as { ip?: string }[] | undefined;
  const pending = type === 'LoadBalancer' ? '<pending>' : '<none>';
  return {
    Type: type,
    'Cluster-IP': String(field(service, 'spec', 'clusterIP') ?? '<none>'),
    'External-IP': ingress?.map(({ ip }) => ip ?? '').join(',') ?? pending,
    'Port(s)':
      ports
        .map(
          ({ port, nodePort, protocol }) => `${port}${nodePort ? `:${nodePort}` : ''}/${protocol ?? 'TCP'}`,
        )
        .join(',') || '<none>',
    Selector: selector.map(([key, value]) => `${key}=${value}`).join(',') || '<none>',
  };
}

function jobCells(job: KubeObject, nowMs: number): Record<string, Cell> {
  const start = field(job, 'status', 'startTime') as string | undefined;
  const end = field(job, 'status', 'completionTime') as string | undefined;
  const conditions = (field(job, 'status', 'conditions') ?? []) as { type: string; status: string }[];
  const done = conditions.find(({ type, status }) => status === 'True' && /^(Complete|Failed)$/.test(type));
  return {
    ...ofTemplate(job),
    Status: done?.type ?? 'Running',
    Completions: `${number(job, 'status', 'succeeded')}/${number(job, 'spec', 'completions') || 1}`,
    Duration: start ? age(start, end ? Date.parse(end) : nowMs) : '',
  };
}

function nodeCells(node: KubeObject): Record<string, Cell> {
  const conditions = (field(node, 'status', 'conditions') ?? []) as { type: string; status: string }[];
  const ready = conditions.find(({ type }) => type === 'Ready')?.status === 'True';
  return {
    Status: ready ? 'Ready' : 'NotReady',
    Roles: '<none>',
    Version: String(field(node, 'status', 'nodeInfo', 'kubeletVersion') ?? ''),
  };
}

const cellsOf: Record<string, Cells> = {
  pods: podCells,
  services: serviceCells,
  jobs: jobCells,
  nodes: nodeCells,
  deployments: (object) => ({
    ...ofTemplate(object),
    Ready: `${number(object, 'status', 'readyReplicas')}/${number(object, 'spec', 'replicas')}`,
    'Up-to-date': number(object, 'status', 'updatedReplicas'),
    Available: number(object, 'status', 'availableReplicas'),
  }),
  replicasets: (object) => ({
    ...ofTemplate(object),
    Desired: number(object, 'spec', 'replicas'),
    Current: number(object, 'status', 'replicas'),
    Ready: number(object, 'status', 'readyReplicas'),
  }),
  statefulsets: (object) => ({
    ...ofTemplate(object),
    Ready: `${number(object, 'status', 'readyReplicas')}/${number(object, 'spec', 'replicas')}`,
  }),
  daemonsets: (object) => ({
    ...ofTemplate(object),
    Desired: number(object, 'status', 'desiredNumberScheduled'),
    Current: number(object, 'status', 'currentNumberScheduled'),
    Ready: number(object, 'status', 'numberReady'),
    'Up-to-date': number(object, 'status', 'updatedNumberScheduled'),
    Available: number(object, 'status', 'numberAvailable'),
  }),
  cronjobs: (object) => ({
    Schedule: String(field(object, 'spec', 'schedule') ?? ''),
    Suspend: field(object, 'spec', 'suspend') === true ? 'True' : 'False',
    Active: ((field(object, 'status', 'active') ?? []) as unknown[]).length,
  }),
  configmaps: (object) => ({ Data: Object.keys((object['data'] ?? {}) as object).length }),
  secrets: (object) => ({
    Type: String(object['type'] ?? ''),
    Data: Object.keys((object['data'] ?? {}) as object).length,
  }),
  namespaces: (object) => ({ Status: String(field(object, 'status', 'phase') ?? '') }),
  events: (object, nowMs) => ({
    'Last Seen': age(String(field(object, 'lastTimestamp') ?? object.metadata.creationTimestamp), nowMs),
    Type: String(field(object, 'type') ?? ''),
    Reason: String(field(object, 'reason') ?? ''),
    Object: `${String(field(object, 'involvedObject', 'kind')).toLowerCase()}/${String(field(object, 'involvedObject', 'name'))}`,
    Message: String(field(object, 'message') ?? ''),
  }),
  leases: (object) => ({ Holder: String(field(object, 'spec', 'holderIdentity') ?? '') }),
  persistentvolumeclaims: (object) => ({
    Status: String(field(object, 'status', 'phase') ?? ''),
    Volume: String(field(object, 'spec', 'volumeName') ?? ''),
    Capacity: String(field(object, 'status', 'capacity', 'storage') ?? ''),
  }),
};
