/** An application with stages as a hub shows it, for tests: dev moves, staging is halted, production waits for a person. */
import type { Application, RevisionSummary, Stage } from '@flotilla/client/types';
import { application } from './resources.fixture.ts';

export function revision(number: number, message: string, commit: string): RevisionSummary {
  return {
    number,
    state: 'Ready',
    commit: commit.repeat(5),
    message: `${message}\n\nlong`,
    author: 'Ada Lovelace <ada@example.com>',
  };
}

export const replicas = revision(9, 'Use more replicas', '3fa9c1d0');
export const limits = revision(8, 'Raise the limits', '1b2c3d4e');
export const logs = revision(7, 'Log as JSON', '77aa0c11');

export function stage(name: string, change: Partial<Stage> = {}): Stage {
  return {
    name,
    soakMs: 0,
    approval: false,
    targets: 2,
    sync: 'Synced',
    health: 'Healthy',
    revision: logs,
    rollout: null,
    waiting: null,
    candidate: null,
    ...change,
  };
}

export function moving(id: string, of: RevisionSummary, phase: string, phaseReason: string | null = null) {
  return { id: `00000000-0000-4000-8000-0000000000${id}`, revision: of, kind: 'forward', phase, phaseReason };
}

const failed =
  'wave all: 1 of 4 failed, first: operation apps/Deployment/shop/web: admission webhook "policy" denied the request';

export const halted = [
  stage('dev', { revision: replicas }),
  stage('staging', {
    targets: 4,
    health: 'Degraded',
    revision: limits,
    rollout: moving('e1', replicas, 'Paused', failed),
  }),
  stage('production', {
    targets: 40,
    approval: true,
    candidate: {
      revision: limits,
      state: 'AwaitingApproval',
      since: '2026-11-24T14:00:00Z',
      until: null,
      message: 'waits for a person to promote it',
    },
  }),
];

export const soaking = [
  stage('dev', { revision: replicas }),
  stage('staging', {
    revision: limits,
    candidate: {
      revision: replicas,
      state: 'Held',
      since: '2026-11-24T14:00:00Z',
      until: null,
      message: 'cluster dev-2 is Degraded: Deployment web: 1 of 3 ready, CrashLoopBackOff',
    },
  }),
  stage('production', {
    targets: 40,
    soakMs: 3_600_000,
    approval: true,
    rollout: moving('e2', logs, 'Running'),
    waiting: moving('e3', limits, 'Queued', 'waits for the rollout of revision 7'),
    candidate: {
      revision: limits,
      state: 'Soaking',
      since: '2026-11-24T14:35:00Z',
      until: '2026-11-24T15:35:00Z',
      message: 'soaks in staging, then waits for a person',
    },
  }),
];

export const fresh = [
  stage('dev', { targets: 0, sync: 'Unknown', health: 'Unknown', revision: null }),
  stage('production', { revision: null, sync: 'OutOfSync', waiting: moving('e4', logs, 'AwaitingSync') }),
];

export function staged(stages: Stage[], change: Partial<Application> = {}): Application {
  return application({ stages, revisionNumber: 9, revision: replicas, ...change });
}
