/** What a request is about, read off its method and URL as Kubernetes' own servers do. */

export interface RequestInfo {
  path: string;
  query: URLSearchParams;
  verb: string;
  isResource: boolean;
  group: string;
  version: string;
  resource: string;
  namespace: string;
  name: string;
  subresource: string;
}

const verbs: Record<string, string> = {
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
  GET: 'get',
  HEAD: 'get',
};

export function requestInfoOf(method: string, uri: string): RequestInfo {
  const mark = uri.indexOf('?');
  const path = mark === -1 ? uri : uri.slice(0, mark);
  const query = new URLSearchParams(mark === -1 ? '' : uri.slice(mark + 1));
  const parts = path
    .split('/')
    .filter((part) => part !== '')
    .map(decode);
  const none = {
    path,
    query,
    verb: method.toLowerCase(),
    isResource: false,
    group: '',
    version: '',
    resource: '',
    namespace: '',
    name: '',
    subresource: '',
  };
  const rest = resourcePathOf(parts);
  if (rest === undefined) return none;
  const { group, version, steps } = rest;
  const namespaced = steps[0] === 'namespaces' && steps.length > 2 && !isNamespaceSubresource(steps);
  const [resource = '', name = '', ...subresource] = namespaced ? steps.slice(2) : steps;
  const namespace = namespaced ? (steps[1] ?? '') : '';
  const info = { ...none, isResource: true, group, version, resource, name, namespace };
  return { ...info, subresource: subresource.join('/'), verb: verbOf(method, name, query) };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function resourcePathOf(parts: string[]): { group: string; version: string; steps: string[] } | undefined {
  const [root, first = '', second = '', ...more] = parts;
  if (root === 'api' && parts.length > 2) return { group: '', version: first, steps: [second, ...more] };
  if (root === 'apis' && parts.length > 3) return { group: first, version: second, steps: more };
  return undefined;
}

function isNamespaceSubresource(steps: string[]): boolean {
  return steps.length === 3 && (steps[2] === 'status' || steps[2] === 'finalize');
}

function verbOf(method: string, name: string, query: URLSearchParams): string {
  const verb = verbs[method] ?? method.toLowerCase();
  if (verb === 'get' && isTrue(query.get('watch'))) return 'watch';
  if (name !== '') return verb;
  if (verb === 'get') return 'list';
  return verb === 'delete' ? 'deletecollection' : verb;
}

export function isTrue(value: string | null): boolean {
  return value === 'true' || value === '1' || value === '';
}
