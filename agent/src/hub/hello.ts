/** What an agent says of itself and of its cluster when it opens a stream. */
import { randomUUID } from 'node:crypto';
import type { Hello } from '@flotilla/proto/messages';
import type { KubeClient } from '../kube/client.ts';
import { getObject } from '../kube/get.ts';
import { namespaceResource } from '../kube/resource.ts';

/** Of this protocol. */
export const protocolVersion = 1;

/** What this version can do beyond the protocol's first one. */
export const capabilities = [
  'commands.refresh',
  'commands.terminate',
  'commands.logs',
  'commands.sendBundle',
];

export interface ClusterFacts {
  /** UID of the namespace kube-system. */
  clusterUid: string;
  kubernetes: string;
  facts: Record<string, string>;
}

const nodesMax = 500;

/** Rejects with a KubeError where the API server cannot be asked. Nodes that may not be listed are left out. */
export async function readClusterFacts(kube: KubeClient): Promise<ClusterFacts> {
  const kubeSystem = await getObject(kube, {
    resource: namespaceResource,
    namespace: '',
    name: 'kube-system',
  });
  const version = (await kube.json({ method: 'GET', path: '/version' })) as Record<string, string>;
  const kubernetes = version['gitVersion'] ?? '';
  return {
    clusterUid: String(kubeSystem?.metadata['uid'] ?? ''),
    kubernetes,
    facts: { kubernetes, ...(await readNodeFacts(kube).catch(() => ({}))) },
  };
}

interface NodeList {
  metadata?: { remainingItemCount?: number };
  items?: { spec?: { providerID?: string }; status?: { nodeInfo?: { architecture?: string } } }[];
}

async function readNodeFacts(kube: KubeClient): Promise<Record<string, string>> {
  const path = `/api/v1/nodes?limit=${String(nodesMax)}&resourceVersion=0`;
  const list = (await kube.json({ method: 'GET', path })) as NodeList;
  const nodes = list.items ?? [];
  const provider = nodes[0]?.spec?.providerID?.split(':')[0];
  const architectures = new Set(nodes.flatMap((node) => node.status?.nodeInfo?.architecture ?? []));
  return {
    nodes: String(nodes.length + (list.metadata?.remainingItemCount ?? 0)),
    ...(provider !== undefined && provider !== '' && { provider }),
    ...(architectures.size > 0 && { architecture: Array.from(architectures).sort().join(',') }),
  };
}

export type HelloOfPod = Pick<Hello, 'instance' | 'leaseUid' | 'leaseTransitions' | 'trustBundleVersion'>;

/** A pod that does not hold the Lease: it shows that it could work, and touches nothing. */
export function standbyHello(
  pod: HelloOfPod,
  cluster: ClusterFacts,
  agentVersion: string,
  nowMs: number,
): Hello {
  return {
    ...pod,
    ...commonHello(cluster, agentVersion, nowMs),
    standby: true,
    incarnation: randomUUID(),
    mark: null,
    held: null,
    observedDigest: null,
    inventoryDigest: null,
    lastCheckpoint: null,
  };
}

export type HelloOfState = Pick<
  Hello,
  'incarnation' | 'mark' | 'held' | 'observedDigest' | 'inventoryDigest' | 'lastCheckpoint'
>;

export function workingHello(
  pod: HelloOfPod,
  state: HelloOfState,
  cluster: ClusterFacts,
  agentVersion: string,
  nowMs: number,
): Hello {
  return { ...pod, ...commonHello(cluster, agentVersion, nowMs), ...state, standby: false };
}

function commonHello(cluster: ClusterFacts, agentVersion: string, nowMs: number) {
  return {
    session: randomUUID(),
    clusterUid: cluster.clusterUid,
    versions: { agent: agentVersion, protocol: protocolVersion, kubernetes: cluster.kubernetes },
    capabilities,
    clock: new Date(nowMs),
    facts: cluster.facts,
  };
}
