/**
 * An agent for each cluster of a local fleet: a process each while they are few, else several in one. An agent gets a token
 * where the hub does not know its cluster yet, or its cluster does not know it any more.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { FlotillaClient } from '@flotilla/client/client';
import { startAgent, type AgentOptions } from '../fleet/agent.ts';
import { startAgentHost } from '../fleet/agentHost.ts';
import type { Hub } from '../fleet/hub.ts';
import type { Program } from '../processes/program.ts';
import { concurrently } from './concurrently.ts';
import type { FleetCluster } from './fleetCluster.ts';

export const AGENT_NAMESPACE = 'flotilla-system';
/** Where an agent keeps who it is. */
const AGENT_SECRET = 'flotilla-agent';
/** So many agents have a process each: what a person then sees and kills is as in real clusters. */
export const OWN_PROCESS_MAX = 6;
const PREPARED_AT_ONCE = 8;
const STOP_TIMEOUT_MS = 20_000;

export interface AgentProgram {
  /** Whose agents it runs. */
  clusters: string[];
  program: Program;
}

export async function startAgents(
  stack: AsyncDisposableStack,
  hub: Hub,
  clusters: readonly FleetCluster[],
  dir: string,
): Promise<AgentProgram[]> {
  const known = new Set<string>();
  for await (const { name } of hub.client.clusters.all()) known.add(name);
  const agents: AgentOptions[] = [];
  await concurrently(clusters, PREPARED_AT_ONCE, async (cluster) => {
    await cluster.ensureNamespace(AGENT_NAMESPACE);
    const isEnrolled = known.has(cluster.name) && (await cluster.hasSecret(AGENT_NAMESPACE, AGENT_SECRET));
    const token = isEnrolled ? undefined : await newToken(hub.client, cluster);
    agents.push(agentOf(hub, cluster, join(dir, cluster.name), token));
  });
  const started: AgentProgram[] = [];
  const groups = groupsOf(agents, availableParallelism());
  await concurrently(groups, groups.length, async (group) => {
    const program = await startGroup(group, dir);
    stack.defer(async () => void (await program.stop({ timeoutMs: STOP_TIMEOUT_MS })));
    started.push({ clusters: group.map(({ name }) => name), program });
  });
  return started;
}

/** One each, or as many as there are cores, of the same size. */
export function groupsOf<T>(agents: readonly T[], cores: number): T[][] {
  const count = agents.length <= OWN_PROCESS_MAX ? agents.length : Math.min(cores, agents.length);
  return Array.from({ length: count }, (_, group) =>
    agents.filter((_agent, index) => index % count === group),
  );
}

async function startGroup(group: readonly AgentOptions[], dir: string): Promise<Program> {
  const [first] = group;
  if (group.length === 1 && first !== undefined) return (await startAgent(first)).program;
  const names = `${first?.name ?? ''} and ${group.length - 1} more`;
  return startAgentHost({
    name: `agents of ${names}`,
    dir: join(dir, `${group.length}-with-${first?.name ?? ''}`),
    agents: group,
  });
}

function agentOf(hub: Hub, cluster: FleetCluster, dir: string, token: string | undefined): AgentOptions {
  const { name, kubeconfig, context } = cluster;
  return {
    name,
    dir,
    hubUrl: hub.url,
    caSha256: hub.caSha256,
    kubeconfig,
    namespace: AGENT_NAMESPACE,
    logFile: join(dir, 'agent.log'),
    ...(context === undefined ? {} : { context }),
    ...(token === undefined ? {} : { token }),
  };
}

async function newToken(client: FlotillaClient, { name, labels }: FleetCluster): Promise<string> {
  const created = await client.registrationTokens.create({ clusterName: name, labels });
  return created.token;
}
