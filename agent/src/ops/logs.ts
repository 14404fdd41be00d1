/**
 * Logs of one pod, for whoever may see the application it belongs to: in a namespace that the project allows, and owned,
 * over whatever controllers lie between, by an object of that application. Asked for as the application's service account
 * where the project says so.
 */
import type { Body } from '@flotilla/domain/desired/entry';
import type { KubeObject } from '@flotilla/domain/object/types';
import { trackingOf } from '@flotilla/domain/object/tracking';
import { matchesAnyGlob } from '@flotilla/domain/placement/glob';
import type { LogsRequest } from '@flotilla/proto/messages';
import type { KubeClient } from '../kube/client.ts';
import type { Discovery } from '../kube/discovery.ts';
import { isKubeError } from '../kube/error.ts';
import { getObject } from '../kube/get.ts';
import type { Resource } from '../kube/resource.ts';
import { objectPath, queryOf } from '../kube/resource.ts';
import { AnswerError } from './answer.ts';

export interface LogsContext {
  kube: KubeClient;
  discovery: Discovery;
  /** Of the target that the command names. */
  body: Body;
}

const podResource: Resource = {
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  namespaced: true,
  verbs: ['get'],
};

const ownersMax = 6;
const idleTimeoutMs = 10 * 60_000;

export async function* readLogs(
  context: LogsContext,
  request: LogsRequest,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { namespace, pod } = request;
  const visible =
    matchesAnyGlob(context.body.allowed.namespaces, namespace) &&
    (await belongs(context, namespace, pod, signal));
  // The same words for what is hidden and what is not there.
  if (!visible) throw new AnswerError('notFound', `this application has no pod ${namespace}/${pod}`);
  const query = queryOf({
    container: request.container || undefined,
    tailLines: request.tailLines || undefined,
    follow: request.follow || undefined,
    previous: request.previous || undefined,
    sinceTime: request.since?.toISOString(),
  });
  const path = `${objectPath(podResource, namespace, pod)}/log${query}`;
  const impersonate = context.body.serviceAccount;
  try {
    yield* await context.kube.stream(
      { method: 'GET', path, accept: '*/*', impersonate, signal },
      idleTimeoutMs,
    );
  } catch (error) {
    if (!isKubeError(error)) throw error;
    const code = error.code === 'Forbidden' ? 'notAllowed' : 'failed';
    throw new AnswerError(code, error.message, { cause: error });
  }
}

/** Climbs from the pod by its controllers until an object says that it is of this application. */
async function belongs(
  context: LogsContext,
  namespace: string,
  pod: string,
  signal: AbortSignal,
): Promise<boolean> {
  let object = await getObject(context.kube, { resource: podResource, namespace, name: pod }, { signal });
  for (let climbed = 0; object !== null && climbed < ownersMax; climbed += 1) {
    if (trackingOf(object)?.application === context.body.application.id) return true;
    object = await ownerOf(context, object, namespace, signal);
  }
  return false;
}

interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
}

async function ownerOf(
  context: LogsContext,
  object: KubeObject,
  namespace: string,
  signal: AbortSignal,
): Promise<KubeObject | null> {
  const references = (object.metadata['ownerReferences'] ?? []) as unknown as OwnerReference[];
  const reference = references.find(({ controller }) => controller === true);
  if (reference === undefined) return null;
  const resource = await context.discovery.find(reference.apiVersion, reference.kind);
  if (resource === null) return null;
  const owner = await getObject(context.kube, { resource, namespace, name: reference.name }, { signal });
  return owner?.metadata['uid'] === reference.uid ? owner : null;
}
