/** What a start asks of an API server that it started itself. */
import type { ApiConnection } from '../kubelab/api.ts';
import { EngineError } from './engineError.ts';

/** One that is there stays. */
export async function ensureNamespaceByApi(api: ApiConnection, name: string): Promise<void> {
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
  const { status } = await api.send('/api/v1/namespaces', { method: 'POST', body });
  if (status !== 201 && status !== 409) throw new EngineError(`namespace ${name} was answered ${status}`);
}

export async function hasSecretByApi(api: ApiConnection, namespace: string, name: string): Promise<boolean> {
  const { status } = await api.send(`/api/v1/namespaces/${namespace}/secrets/${name}`);
  if (status === 200 || status === 404) return status === 200;
  throw new EngineError(`secret ${name} was answered ${status}`);
}
