/** RBAC by the cluster's roles and bindings, read anew for each question; `system:masters` may do everything. */
import type { KubeObject, ResourceType } from '../types.ts';
import type { Store } from './store.ts';

export interface Attributes {
  verb: string;
  group: string;
  resource: string;
  subresource: string;
  namespace: string;
  name: string;
  /** Of what is no resource, such as `/version`. */
  path?: string;
}

interface Rule {
  verbs?: string[];
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
}

interface Who {
  name: string;
  groups: string[];
}

const open = /^\/(api|apis|openapi|version|healthz|livez|readyz)(\/|$)/;
const rbacGroup = 'rbac.authorization.k8s.io';

export function mayDo(store: Store, user: Who, attributes: Attributes): boolean {
  if (user.groups.includes('system:masters')) return true;
  if (attributes.path !== undefined) return open.test(attributes.path) || bound(store, user, attributes);
  if (attributes.verb === 'create' && isSelfReview(attributes)) return isKnown(user);
  return bound(store, user, attributes);
}

function isKnown(user: Who): boolean {
  return user.groups.includes('system:authenticated');
}

function isSelfReview({ group, resource }: Attributes): boolean {
  return /^(authorization|authentication)\.k8s\.io$/.test(group) && resource.startsWith('selfsubject');
}

function bound(store: Store, user: Who, attributes: Attributes): boolean {
  return rulesFor(store, user, attributes.namespace).some((rule) => allows(rule, attributes));
}

/** The rules that hold for a user in a namespace; those for the whole cluster where it is empty. */
export function rulesFor(store: Store, user: Who, namespace: string): Rule[] {
  const bindings = listed(store, 'clusterrolebindings', '');
  if (namespace !== '') bindings.push(...listed(store, 'rolebindings', namespace));
  return bindings.filter((binding) => isSubject(binding, user)).flatMap((binding) => rulesOf(store, binding));
}

function listed(store: Store, plural: string, namespace: string): KubeObject[] {
  const resource = store.resource(rbacGroup, plural);
  return resource ? store.list(resource, { namespace }) : [];
}

interface Subject {
  kind: string;
  name: string;
  namespace?: string;
}

function isSubject(binding: KubeObject, user: Who): boolean {
  const subjects = (binding['subjects'] ?? []) as Subject[];
  return subjects.some(({ kind, name, namespace }) => {
    if (kind === 'Group') return user.groups.includes(name);
    if (kind === 'User') return user.name === name;
    const where = namespace ?? binding.metadata.namespace ?? '';
    return kind === 'ServiceAccount' && user.name === `system:serviceaccount:${where}:${name}`;
  });
}

function rulesOf(store: Store, binding: KubeObject): Rule[] {
  const { kind, name } = binding['roleRef'] as { kind: string; name: string };
  const plural = kind === 'ClusterRole' ? 'clusterroles' : 'roles';
  const resource = store.resource(rbacGroup, plural);
  if (resource === undefined) return [];
  const namespace = kind === 'ClusterRole' ? '' : (binding.metadata.namespace ?? '');
  const role = store.get({ resource, namespace, name });
  return role === undefined ? [] : rulesWithAggregated(store, resource, role);
}

/** A role that gathers others by their labels has their rules too. */
function rulesWithAggregated(store: Store, resource: ResourceType, role: KubeObject): Rule[] {
  const own = (role['rules'] ?? []) as Rule[];
  const aggregation = role['aggregationRule'] as
    { clusterRoleSelectors?: { matchLabels?: Record<string, string> }[] } | undefined;
  if (!aggregation) return own;
  const gathered = (aggregation.clusterRoleSelectors ?? []).flatMap(({ matchLabels = {} }) => {
    const labelSelector = Object.entries(matchLabels)
      .map(([key, value]) => `${key}=${value}`)
      .join(',');
    return store.list(resource, { labelSelector }).flatMap((other) => (other['rules'] ?? []) as Rule[]);
  });
  return [...own, ...gathered];
}

function allows(rule: Rule, attributes: Attributes): boolean {
  const has = (list: string[] | undefined, value: string) =>
    list?.some((entry) => entry === '*' || entry === value) ?? false;
  if (!has(rule.verbs, attributes.verb)) return false;
  const { path, group, resource, subresource, name } = attributes;
  if (path !== undefined)
    return (rule.nonResourceURLs ?? []).some((url) =>
      url.endsWith('*') ? path.startsWith(url.slice(0, -1)) : url === path,
    );
  const full = subresource === '' ? resource : `${resource}/${subresource}`;
  const named = has(rule.resources, full) || (subresource !== '' && has(rule.resources, `*/${subresource}`));
  if (!has(rule.apiGroups, group) || !named) return false;
  return !rule.resourceNames?.length || rule.resourceNames.includes(name);
}
