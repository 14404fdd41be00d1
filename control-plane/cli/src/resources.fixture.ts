/** Resources as a hub shows them, for tests. */
import type { Application, Cluster, Target } from '@flotilla/client/types';

export function page<T>(items: T[], next: string | null = null) {
  return { items, next };
}

export function cluster(change: Partial<Cluster> = {}): Cluster {
  return {
    id: '00000000-0000-4000-8000-0000000000c1',
    name: 'eu-1',
    project: 'default',
    labels: { env: 'prod' },
    facts: {},
    state: 'Active',
    stateReason: null,
    pausedUntil: null,
    connection: 'Connected',
    connectedAt: '2026-11-24T14:00:00Z',
    lastSeenAt: '2026-11-24T14:59:55Z',
    agentVersion: '0.1.0',
    kubernetesVersion: 'v1.36.3',
    generation: 4,
    acceptedGeneration: 4,
    acceptedAt: null,
    nackReason: null,
    recovering: false,
    recoveringReason: null,
    version: 1,
    createdAt: '2026-11-24T14:00:00Z',
    status: { total: 2, sync: { Synced: 2 }, health: { Healthy: 1, Degraded: 1 } },
    ...change,
  };
}

export function application(change: Partial<Application> = {}): Application {
  return {
    id: '00000000-0000-4000-8000-0000000000a1',
    project: 'default',
    name: 'web',
    spec: {
      sources: [{ repository: 'config', ref: { branch: 'main' }, path: 'web' }],
      destination: { namespace: 'web' },
    },
    version: 1,
    revisionNumber: 2,
    revision: {
      number: 2,
      state: 'Ready',
      commit: 'c'.repeat(40),
      message: 'Use more replicas\n\nlong',
      author: 'a',
    },
    sync: 'Synced',
    health: 'Healthy',
    currency: { state: 'Current', behind: 0, reason: null },
    status: { total: 1, sync: { Synced: 1 }, health: { Healthy: 1 } },
    rollout: null,
    conditions: [],
    removal: null,
    createdAt: '2026-11-24T14:00:00Z',
    updatedAt: '2026-11-24T14:00:00Z',
    ...change,
  };
}

export function target(change: Partial<Target> = {}): Target {
  return {
    id: '00000000-0000-4000-8000-0000000000f1',
    application: 'web',
    applicationId: '00000000-0000-4000-8000-0000000000a1',
    project: 'default',
    cluster: 'eu-1',
    clusterId: '00000000-0000-4000-8000-0000000000c1',
    stage: '',
    state: 'Active',
    removal: null,
    sync: 'Synced',
    health: 'Healthy',
    healthMessage: '',
    currency: { state: 'Current', behind: 0, reason: null },
    shownSync: 'Synced',
    shownWhy: '',
    assignment: 3,
    revisionNumber: 2,
    observedAssignment: 3,
    observedRevision: 2,
    bundle: 'b'.repeat(64),
    reads: {},
    observedBundle: 'b'.repeat(64),
    operation: null,
    conditions: [],
    live: true,
    lastSeenAt: '2026-11-24T14:59:55Z',
    changedAt: '2026-11-24T14:50:00Z',
    ...change,
  };
}
