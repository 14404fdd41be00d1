/** By which fields of a kind a list or a watch may select, and what the API server takes for a field that is not there. */
import type { KubeObject, ResourceType } from '../types.ts';
import { badRequest } from './apiError.ts';
import type { CrdVersion } from './catalogue.ts';
import type { ListSelection } from './store.ts';

interface Field {
  name: string;
  /** Where it is, if not where its name says. */
  path?: string;
  absent?: string;
}

const everywhere = fields('metadata.name metadata.namespace');
const ofEvents =
  'involvedObject.kind involvedObject.namespace involvedObject.name involvedObject.uid involvedObject.apiVersion ' +
  'involvedObject.resourceVersion involvedObject.fieldPath reason reportingComponent source type';

const known: Record<string, Field[]> = {
  '/pods': [
    ...fields('spec.nodeName spec.restartPolicy spec.schedulerName spec.serviceAccountName status.phase'),
    ...fields('status.podIP status.podIPs status.nominatedNodeName'),
    { name: 'spec.hostNetwork', absent: 'false' },
  ],
  '/nodes': [{ name: 'spec.unschedulable', absent: 'false' }],
  '/namespaces': [{ name: 'status.phase' }, { name: 'name', path: 'metadata.name' }],
  '/secrets': fields('type'),
  '/services': fields('spec.clusterIP spec.type'),
  '/replicationcontrollers': [{ name: 'status.replicas', absent: '0' }],
  '/events': fields(ofEvents).map((field) =>
    field.name === 'source' ? { ...field, path: 'source.component' } : field,
  ),
  'apps/replicasets': [{ name: 'status.replicas', absent: '0' }],
  'batch/jobs': [{ name: 'status.successful', path: 'status.succeeded', absent: '0' }],
  'certificates.k8s.io/certificatesigningrequests': fields('spec.signerName'),
};

function fields(names: string): Field[] {
  return names.split(' ').map((name) => ({ name }));
}

/** Refuses a selector that names a field by which nobody may select. */
export function checkSelectable(
  selection: ListSelection,
  type: ResourceType,
  custom: CrdVersion | undefined,
): void {
  const allowed = [...everywhere, ...(known[`${type.group}/${type.plural}`] ?? []), ...ofDefinition(custom)];
  for (const { name } of requirementsOf(selection.fieldSelector ?? '')) {
    if (allowed.some((field) => field.name === name)) continue;
    const isPlain = custom === undefined && allowed.length === everywhere.length;
    if (!isPlain) throw badRequest(`field label not supported: ${name}`);
    const words = '"metadata.name", "metadata.namespace"';
    throw badRequest(`${JSON.stringify(name)} is not a known field selector: only ${words}`);
  }
}

function ofDefinition(custom: CrdVersion | undefined): Field[] {
  return (custom?.selectableFields ?? []).map(({ jsonPath }) => ({ name: jsonPath.replace(/^\./, '') }));
}

export interface FieldRequirement {
  name: string;
  value: string;
  equal: boolean;
}

export function requirementsOf(selector: string): FieldRequirement[] {
  const parts = selector.split(',').filter((part) => part !== '');
  return parts.map((part) => {
    const [, name = '', sign, value = ''] = /^([^=!]+)(==|=|!=)(.*)$/.exec(part) ?? [];
    if (sign === undefined) throw badRequest(`invalid selector: '${selector}'; can't understand '${part}'`);
    return { name, value, equal: sign !== '!=' };
  });
}

/** As text, as selectors compare it. */
export function fieldValue(object: KubeObject, name: string): string {
  const { path = name, absent = '' } = fieldOf(object, name);
  let value: unknown = object;
  for (const step of path.split('.')) value = (value as Record<string, unknown> | undefined)?.[step];
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : absent;
}

/** What is special about a field of an object of its kind. */
function fieldOf({ apiVersion, kind }: KubeObject, name: string): Partial<Field> {
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  return known[`${group}/${kind.toLowerCase()}s`]?.find((field) => field.name === name) ?? {};
}
