/**
 * What a Service is given when it is stored and keeps from then on: its cluster IP, and ports of the nodes where its type
 * has them. Nobody owns these fields, unless they were asked for.
 */
import { fnv32 } from '../hash.ts';
import { invalid, type FieldError } from '../merge/fieldErrors.ts';
import type { JsonObject, KubeObject } from '../types.ts';
import { invalidObject, type ApiError } from './apiError.ts';

const network = '10.96.';
/** The first are those of the API server and of DNS on the local clusters. */
const addressesFrom = 256;
const addressesMax = 65_534;
const nodePortMin = 30_000;
const nodePortCount = 2_768;

interface Port extends JsonObject {
  port: number;
  protocol: string;
}

/** `services` are all of the cluster, this one or not. */
export function withAddress(service: KubeObject, services: readonly KubeObject[]): KubeObject {
  const others = services.filter(({ metadata }) => metadata.uid !== service.metadata.uid).map(specOf);
  const spec = { ...specOf(service) };
  if (spec['type'] === 'ExternalName') return service;
  const used = new Set(others.flatMap((other) => (other['clusterIPs'] ?? []) as string[]));
  const asked = String(spec['clusterIP'] ?? '');
  if (asked !== '' && asked !== 'None') guardAddress(service, asked, used);
  const ip = asked === '' ? freeAddress(used, service.metadata.uid ?? '') : asked;
  Object.assign(spec, { clusterIP: ip, clusterIPs: [ip] });
  Object.assign(spec, familiesOf(spec));
  if (spec['ports'] !== undefined) spec['ports'] = withNodePorts(service, spec, others);
  return { ...service, spec };
}

/** A headless Service that selects nothing may name addresses of both families. */
function familiesOf({ clusterIP, selector, ipFamilies, ipFamilyPolicy }: JsonObject): JsonObject {
  const isFree = clusterIP === 'None' && selector === undefined;
  const families = isFree ? ['IPv4', 'IPv6'] : ['IPv4'];
  const policy = isFree ? 'RequireDualStack' : 'SingleStack';
  return { ipFamilies: ipFamilies ?? families, ipFamilyPolicy: ipFamilyPolicy ?? policy };
}

/** A write that leaves them out changes nothing of what was given. */
export function keepAddress(before: KubeObject, after: KubeObject): KubeObject {
  const [old, spec] = [specOf(before), { ...specOf(after) }];
  if (spec['type'] === 'ExternalName') return { ...after, spec: withoutAddress(spec) };
  for (const name of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy'])
    if (isEmpty(spec[name]) && old[name] !== undefined) spec[name] = old[name];
  const ports = portsOf(spec).map((port) => {
    const known = portsOf(old).find((each) => keyOf(each) === keyOf(port));
    return port['nodePort'] === undefined && known?.['nodePort'] !== undefined && hasNodePorts(spec)
      ? { ...port, nodePort: known['nodePort'] }
      : port;
  });
  return { ...after, spec: { ...spec, ...(spec['ports'] === undefined ? {} : { ports }) } };
}

function withoutAddress(spec: JsonObject): JsonObject {
  const names = ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy', 'internalTrafficPolicy'];
  return Object.fromEntries(Object.entries(spec).filter(([name]) => !names.includes(name)));
}

function withNodePorts(service: KubeObject, spec: JsonObject, others: readonly JsonObject[]): JsonObject[] {
  if (!hasNodePorts(spec)) return portsOf(spec).map(({ nodePort: _nodePort, ...port }) => port);
  const used = new Set(others.flatMap(portsOf).map(({ nodePort }) => nodePort));
  return portsOf(spec).map((port, index) => {
    const asked = port['nodePort'];
    if (typeof asked === 'number' && asked > 0) {
      if (!used.has(asked)) return port;
      const field = `spec.ports[${index}].nodePort`;
      throw refusal(service, invalid(field, asked, 'provided port is already allocated'));
    }
    const nodePort = freeNodePort(used, `${String(spec['clusterIP'])}/${index}`);
    used.add(nodePort);
    return { ...port, nodePort };
  });
}

function hasNodePorts(spec: JsonObject): boolean {
  if (spec['type'] === 'NodePort') return true;
  return spec['type'] === 'LoadBalancer' && spec['allocateLoadBalancerNodePorts'] !== false;
}

function guardAddress(service: KubeObject, ip: string, used: ReadonlySet<string>): void {
  let why = '';
  if (!ip.startsWith(network)) why = 'the provided network does not match the current range';
  else if (used.has(ip)) why = 'provided IP is already allocated';
  if (why === '') return;
  throw refusal(service, invalid('spec.clusterIPs', [ip], `failed to allocate IP ${ip}: ${why}`));
}

function refusal({ metadata }: KubeObject, error: FieldError): ApiError {
  return invalidObject({ group: '', kind: 'Service' }, metadata.name ?? '', [error]);
}

function freeAddress(used: ReadonlySet<string>, seed: string): string {
  for (let step = 0; ; step += 1) {
    const number = addressesFrom + ((fnv32(seed) + step) % (addressesMax - addressesFrom));
    const ip = `${network}${number >> 8}.${number & 255}`;
    if (!used.has(ip) || step > addressesMax) return ip;
  }
}

function freeNodePort(used: ReadonlySet<unknown>, seed: string): number {
  for (let step = 0; ; step += 1) {
    const port = nodePortMin + ((fnv32(seed) + step) % nodePortCount);
    if (!used.has(port) || step > nodePortCount) return port;
  }
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
}

function keyOf({ port, protocol }: Port): string {
  return `${protocol}/${port}`;
}

function specOf(service: KubeObject): JsonObject {
  return (service['spec'] ?? {}) as JsonObject;
}

function portsOf(spec: JsonObject): Port[] {
  return (spec['ports'] ?? []) as Port[];
}
