/** Plays the scenarios on the real API server and keeps what it answered, without what differs from run to run. */
import { APPLY_CONTENT_TYPE, type ApiConnection } from '../../../kubelab/api.ts';
import type { JsonObject } from '../../types.ts';
import { SCENARIOS, WIDGET_SCHEMA, type Scenario, type Step } from './scenarios.ts';

export interface RecordedStep extends Step {
  status: number;
  /** The object, or the Status of a refusal. */
  answer: JsonObject;
  /** Whether its resourceVersion moved. */
  changed: boolean;
}

export interface RecordedScenario extends Omit<Scenario, 'steps'> {
  steps: RecordedStep[];
}

const CONTENT_TYPES = {
  create: 'application/json',
  apply: APPLY_CONTENT_TYPE,
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
};
const ESTABLISH_ATTEMPTS_MAX = 100;

export async function recordOwnership(api: ApiConnection): Promise<RecordedScenario[]> {
  await createWidgets(api);
  const recorded: RecordedScenario[] = [];
  for (const [index, scenario] of SCENARIOS.entries())
    recorded.push(await play(api, scenario, `scenario-${index}`));
  return recorded;
}

async function createWidgets(api: ApiConnection): Promise<void> {
  const version = { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: WIDGET_SCHEMA } };
  const body = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'widgets.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'widgets', kind: 'Widget' },
      versions: [{ ...version, subresources: { status: {} } }],
    },
  };
  await api.call('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { method: 'POST', body });
  for (let attempt = 0; attempt < ESTABLISH_ATTEMPTS_MAX; attempt++) {
    const { status } = await api.send('/apis/example.com/v1/namespaces/default/widgets/none');
    const answer = await api.send('/apis/example.com/v1/widgets');
    if (status === 404 && answer.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function play(api: ApiConnection, scenario: Scenario, name: string): Promise<RecordedScenario> {
  let version: unknown;
  const steps: RecordedStep[] = [];
  for (const step of scenario.steps) {
    const answer = await send(api, scenario, step, name);
    const body = answer.body as JsonObject;
    const current = (body['metadata'] as JsonObject)['resourceVersion'];
    const changed = answer.status < 300 && current !== version;
    if (answer.status < 300) version = current;
    steps.push({ ...step, status: answer.status, answer: steady(body), changed });
  }
  return { ...scenario, steps };
}

function send(api: ApiConnection, { collection, apiVersion, kind }: Scenario, step: Step, name: string) {
  const isCreate = step.verb === 'create';
  const path = isCreate ? collection : [collection, name, step.subresource].filter(Boolean).join('/');
  const query = new URLSearchParams({ fieldManager: step.manager, ...(step.force ? { force: 'true' } : {}) });
  const body = Array.isArray(step.body)
    ? step.body
    : { apiVersion, kind, ...step.body, metadata: { ...(step.body['metadata'] as JsonObject), name } };
  const contentType = CONTENT_TYPES[step.verb];
  return api.send(`${path}?${query}`, { method: isCreate ? 'POST' : 'PATCH', body, contentType });
}

/** Without times, uids, versions. */
function steady(body: JsonObject): JsonObject {
  const metadata = { ...(body['metadata'] as JsonObject) };
  for (const name of ['uid', 'resourceVersion', 'creationTimestamp', 'generation']) delete metadata[name];
  const managedFields = metadata['managedFields'] as JsonObject[] | undefined;
  if (managedFields !== undefined)
    metadata['managedFields'] = managedFields
      .map(({ time, ...entry }) => ({ ...entry, hasTime: time !== undefined }))
      .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return { ...body, metadata };
}
