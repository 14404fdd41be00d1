/**
 * An agent's reconciler against a real API server, its desired state handed in by the test. Every lab has its own
 * namespaces and user agent, so that the server's audit log tells which calls were this agent's.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { buildBundle } from '@flotilla/domain/bundle/bundle';
import { encodeIndex } from '@flotilla/domain/bundle/bundleIndex';
import type { Body, Head } from '@flotilla/domain/desired/entry';
import type { KubeObject } from '@flotilla/domain/object/types';
import type { FactBody, ObservedState } from '@flotilla/domain/status/observed';
/* eslint-disable @nx/enforce-module-boundaries -- tests stand on the testkit, the program does not */
import type { AuditedRequest } from '@flotilla/testkit/audit';
import { leaseCluster, type LeasedCluster } from '@flotilla/testkit/cluster';
/* eslint-enable @nx/enforce-module-boundaries */
import { systemClock } from '../src/clock.ts';
import type { KubeClient } from '../src/kube/client.ts';
import { createKubeClient } from '../src/kube/client.ts';
import { kubeconfigConnection } from '../src/kube/connection.ts';
import { isKubeError } from '../src/kube/error.ts';
import { silentLog } from '../src/log.ts';
import type { Log } from '../src/log.ts';
import type { DesiredEntry, Reconciler } from '../src/reconcile/reconciler.ts';
import { createReconciler } from '../src/reconcile/reconciler.ts';
import { openAgentSecret } from '../src/state/secrets.ts';
import { sha256 } from '../src/state/sha256.ts';
import { openState } from '../src/state/state.ts';
import type { AgentState } from '../src/state/state.ts';
import { eventually } from './eventually.ts';

export { eventually };

export interface Lab extends AsyncDisposable {
  /** A person's client: not counted as the agent's calls. */
  kube: KubeClient;
  /** Appended to every name the test makes. */
  suffix: string;
  /** Namespace of the application's objects. */
  namespace: string;
  agentNamespace: string;
  hubId: string;
  folder: string;
  startAgent(options?: AgentOptions): Promise<LabAgent>;
  /** A proxy in front of the API server, for answers in its place; `kubeconfig` is an option of `startAgent`. */
  proxied: LeasedCluster['proxied'];
  /** Calls of this lab's agents so far, by the API server's audit log: complete up to the question. */
  agentCalls(): Promise<AuditedRequest[]>;
}

export interface AgentOptions {
  /** Another than that of the leased API server. */
  kubeconfig?: string;
  log?: Log;
  mayWrite?: () => boolean;
  onBundleLacking?: (digest: string) => void;
}

export interface LabAgent {
  reconciler: Reconciler;
  state: AgentState;
  states: Map<string, ObservedState>;
  facts: FactBody[];
  /** Puts the bundle on the agent's disk and hands the entry in. */
  assign(entry: LabEntry): Promise<void>;
  stop(): Promise<void>;
}

export interface LabEntry {
  head: Head;
  body: Body;
  objects: KubeObject[];
}

/** Leases an API server for as long as the lab is open. */
export async function openLab(name: string): Promise<Lab> {
  const cluster = await leaseCluster();
  const { suffix, agentNamespace, kubeconfig } = cluster;
  const connection = await kubeconfigConnection(kubeconfig);
  const kube = createKubeClient({ connection, clock: systemClock(), userAgent: `person-${suffix}` });
  const folder = await mkdtemp(path.join(os.tmpdir(), `flotilla-${name}-`));
  await ensureNamespace(kube, agentNamespace);
  const lab = { kube, suffix, namespace: cluster.named(name), agentNamespace, hubId: randomUUID(), folder };
  const userAgent = `flotilla-agent-${suffix}`;
  return {
    ...lab,
    startAgent: (options = {}) => startAgent(lab, options.kubeconfig ?? kubeconfig, userAgent, options),
    proxied: () => cluster.proxied(),
    agentCalls: () => cluster.requests({ userAgent: new RegExp(userAgent) }),
    [Symbol.asyncDispose]: async () => {
      await kube.close();
      await rm(folder, { recursive: true, force: true });
      await cluster[Symbol.asyncDispose]();
    },
  };
}

export async function ensureNamespace(kube: KubeClient, name: string): Promise<void> {
  const body = JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  try {
    await kube.send({ method: 'POST', path: '/api/v1/namespaces', body });
  } catch (error) {
    if (!isKubeError(error, 'AlreadyExists')) throw error;
  }
}

async function startAgent(
  lab: Pick<Lab, 'agentNamespace' | 'hubId' | 'folder'>,
  kubeconfig: string,
  userAgent: string,
  options: AgentOptions,
): Promise<LabAgent> {
  const clock = systemClock();
  const kube = createKubeClient({ connection: await kubeconfigConnection(kubeconfig), clock, userAgent });
  const secret = await openAgentSecret(kube, lab.agentNamespace);
  const state = await openState({ kube, clock, secret, namespace: lab.agentNamespace, folder: lab.folder });
  const states = new Map<string, ObservedState>();
  const facts: FactBody[] = [];
  const reconciler = createReconciler({
    ...lab,
    kube,
    state,
    clock,
    log: silentLog(),
    ...options,
    onState: (observed) => states.set(observed.target, observed),
    onFact: (fact) => {
      facts.push(fact);
    },
  });
  const entries = new Map<string, DesiredEntry>();
  return {
    reconciler,
    state,
    states,
    facts,
    assign: async ({ head, body, objects }) => {
      await storeBundle(state, objects);
      entries.set(head.target, { head, body });
      reconciler.setDesired([...entries.values()]);
    },
    stop: async () => {
      await reconciler.stop();
      await state.facts.close();
      await kube.close();
    },
  };
}

export function bundleOf(objects: KubeObject[]) {
  const built = buildBundle(
    objects.map((object, index) => ({ object, source: `test#${index}` })),
    sha256,
  );
  if (!built.ok) throw new Error(JSON.stringify(built.error));
  return built.bundle;
}

export async function storeBundle(state: AgentState, objects: KubeObject[]): Promise<void> {
  const { index, frames } = bundleOf(objects);
  await state.bundles.putIndex(index.digest, encodeIndex(index));
  for (const [at, frame] of index.frames.entries())
    await state.bundles.putFrame(frame, frames[at] as Uint8Array);
  const verdict = await state.bundles.finish(index.digest);
  if (!verdict.ok) throw new Error(verdict.reason);
}

/** An application at its first assignment; `changes` override the defaults a test cares about. */
export function entryOf(
  lab: Pick<Lab, 'namespace'>,
  objects: KubeObject[],
  changes: { head?: Partial<Head>; body?: Partial<Body>; previous?: LabEntry } = {},
): LabEntry {
  const previous = changes.previous;
  const body: Body = { ...(previous?.body ?? defaultBody(lab)), ...changes.body };
  const { index } = bundleOf(objects);
  const assignment = (previous?.head.assignment ?? 0) + 1;
  const head: Head = {
    target: previous?.head.target ?? randomUUID(),
    state: 'Active',
    assignment,
    revision: assignment,
    bundle: { digest: index.digest, sizeBytes: index.bytes },
    deletesMax: 100,
    operation: {},
    body: Buffer.from(sha256(Buffer.from(JSON.stringify(body)))).toString('hex'),
    ...changes.head,
  };
  return { head, body, objects };
}

function defaultBody(lab: Pick<Lab, 'namespace'>): Body {
  return {
    application: { id: randomUUID(), name: 'shop', project: 'default' },
    destinationNamespace: lab.namespace,
    sync: {
      createNamespace: true,
      pruneLast: false,
      prunePropagation: 'foreground',
      replace: false,
      force: false,
      validate: 'none',
      skipDryRunOnMissingResource: false,
      adopt: false,
      selfHeal: true,
    },
    prune: { enabled: true, allowEmpty: false },
    retry: { limit: 2, backoffMs: 200, backoffFactor: 2, backoffMaxMs: 1_000 },
    timeouts: { syncWaveMs: 60_000 },
    ignore: [],
    health: [],
    dependsOn: [],
    allowed: { namespaces: ['*'], clusterKinds: ['*'], namespacedKindsDenied: [] },
  };
}

export function configMap(
  name: string,
  data: Record<string, string>,
  annotations?: Record<string, string>,
): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, ...(annotations ? { annotations } : {}) },
    data,
  };
}

/** The target is as assigned and healthy; fails with its last state. */
export function settled(agent: LabAgent, entry: LabEntry, boundMs?: number): Promise<ObservedState> {
  let last: ObservedState | undefined;
  return eventually(
    `assignment ${entry.head.assignment} settles`,
    () => {
      last = agent.states.get(entry.head.target);
      const done = last?.assignment === entry.head.assignment && last.operation?.phase === 'Succeeded';
      if (done && last?.sync === 'Synced' && last.health.status === 'Healthy') return last;
      throw new Error(JSON.stringify(last));
    },
    boundMs,
  );
}
