/** A namespace at an API server that was started here; one that is there stays. */
import type { ApiConnection } from '../kubelab/api.ts';
import { EngineError } from './engineError.ts';

export async function ensureNamespaceByApi(api: ApiConnection, name: string): Promise<void> {
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
  const { status } = await api.send('/api/v1/namespaces', { method: 'POST', body });
  if (status !== 201 && status !== 409) throw new EngineError(`namespace ${name} was answered ${status}`);
}
