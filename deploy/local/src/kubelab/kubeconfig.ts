/** A kubeconfig with one context, for kubectl, the agent and Kubernetes' own components. */
import { writeFile } from 'node:fs/promises';
import { stringify } from 'yaml';
import type { ApiAccess } from './api.ts';

export async function writeKubeconfig(file: string, name: string, access: ApiAccess): Promise<void> {
  const certificateAuthority = Buffer.from(access.ca).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: access.url, 'certificate-authority-data': certificateAuthority } }],
    users: [{ name, user: { token: access.token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
  await writeFile(file, stringify(config), { mode: 0o600 });
}
