/** `/openapi/v3`: the schemas of each group version and as much of its paths as kubectl looks at. */
import { openApiSchemasOf } from '../schema/builtin.ts';
import type { OpenApiNode } from '../schema/openApi.ts';
import { apiVersionOf, type ResourceType } from '../types.ts';
import { noSuchPath } from './apiError.ts';
import { answerJson, type Exchange } from './exchange.ts';

export async function answerOpenApi(exchange: Exchange): Promise<void> {
  const { store } = exchange.cluster;
  const wanted = exchange.info.path.replace(/^\/openapi\/v3\/?/, '');
  const types = store.resources();
  if (wanted === '') {
    const roots = new Set(types.map(rootOf));
    const hash = `${store.cluster}-${store.catalogue.generation}`;
    const paths = [...roots].map((root) => [root, { serverRelativeURL: `/openapi/v3/${root}?hash=${hash}` }]);
    await answerJson(exchange, 200, { paths: Object.fromEntries(paths) as object });
    return;
  }
  const served = types.filter((type) => rootOf(type) === wanted);
  if (served[0] === undefined) throw noSuchPath();
  const isCustom = (type: ResourceType) => store.catalogue.customVersion(type) !== undefined;
  const builtin = served.every(isCustom) ? {} : openApiSchemasOf(apiVersionOf(served[0]));
  const custom = served.filter(isCustom).map((type) => [schemaNameOf(type), customSchema(exchange, type)]);
  await answerJson(exchange, 200, {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.36' },
    paths: Object.fromEntries(served.flatMap(pathsOf)) as object,
    components: { schemas: { ...builtin, ...(Object.fromEntries(custom) as object) } },
  });
}

function rootOf(type: ResourceType): string {
  return `${type.group === '' ? 'api' : 'apis'}/${apiVersionOf(type)}`;
}

function schemaNameOf({ group, version, kind }: ResourceType): string {
  return [...group.split('.').reverse(), version, kind].join('.');
}

function customSchema({ cluster }: Exchange, type: ResourceType): OpenApiNode {
  const given = cluster.store.catalogue.customVersion(type)?.schema?.openAPIV3Schema ?? { type: 'object' };
  const { group, version, kind } = type;
  return {
    ...given,
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      ...given.properties,
    },
    'x-kubernetes-group-version-kind': [{ group, version, kind }],
  };
}

function pathsOf(type: ResourceType): [string, object][] {
  const { group, version, kind } = type;
  const gvk = { 'x-kubernetes-group-version-kind': { group, version, kind } };
  const query = (name: string) => ({ name, in: 'query', schema: { type: 'string', uniqueItems: true } });
  const write = { parameters: ['dryRun', 'fieldManager', 'fieldValidation'].map(query), ...gvk };
  const scope = type.namespaced ? '/namespaces/{namespace}' : '';
  const collection = `/${rootOf(type)}${scope}/${type.plural}`;
  const many = { get: { ...gvk, 'x-kubernetes-action': 'list' }, post: write };
  const one = { get: { ...gvk, 'x-kubernetes-action': 'get' }, put: write, patch: write, delete: gvk };
  return [
    [collection, many],
    [`${collection}/{name}`, one],
  ];
}
