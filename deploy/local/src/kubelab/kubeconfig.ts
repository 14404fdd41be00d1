/** A kubeconfig with one context, for kubectl, the agent and Kubernetes' own components. */
import { readFile, writeFile } from 'node:fs/promises';
import { parse, stringify } from 'yaml';
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

interface Kubeconfig {
  clusters: { cluster: { server: string; 'certificate-authority-data': string } }[];
  users: { user: { token: string } }[];
}

/** What `writeKubeconfig` wrote; of no other kubeconfig. */
export async function readKubeconfig(file: string): Promise<ApiAccess> {
  const { clusters, users } = parse(await readFile(file, 'utf8')) as Kubeconfig;
  const cluster = clusters[0]?.cluster;
  return {
    url: cluster?.server ?? '',
    ca: Buffer.from(cluster?.['certificate-authority-data'] ?? '', 'base64').toString('utf8'),
    token: users[0]?.user.token ?? '',
  };
}
