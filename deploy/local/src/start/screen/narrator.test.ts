import type { Application, Cluster, Target, Transition } from '@flotilla/client/types';
import { describe, expect, test } from 'vitest';
import { Narrator } from './narrator.ts';
import { nothingSeen, type FleetSight, type SeenRollout } from './sight.ts';

const nowMs = Date.parse('2026-11-24T12:00:00Z');

function cluster(name: string, over: Partial<Cluster> = {}): Cluster {
  return { id: name, name, state: 'Active', stateReason: null, connection: 'Connected', ...over } as Cluster;
}

function target(name: string, over: Partial<Target> = {}): Target {
  const settled = { assignment: 1, observedAssignment: 1, sync: 'Synced', health: 'Healthy', live: true };
  const place = {
    id: `shop-${name}`,
    application: 'shop',
    applicationId: 'shop',
    cluster: name,
    clusterId: name,
  };
  return {
    ...place,
    ...settled,
    revisionNumber: 1,
    observedRevision: 1,
    healthMessage: '',
    ...over,
  } as Target;
}

const shop = {
  id: 'shop',
  name: 'shop',
  revisionNumber: 1,
  revision: {
    number: 1,
    commit: '3fa9c1d000',
    message: 'Three\u001b[2J of them\nmore',
    author: 'You <you@localhost>',
  },
  conditions: [],
} as unknown as Application;

function sight(over: Partial<FleetSight>): FleetSight {
  return { ...nothingSeen, applications: [shop], ...over };
}

function names(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `c${index + 1}`);
}

function texts(before: FleetSight | null, now: FleetSight): string[] {
  return new Narrator().tell(before, now, nowMs).map(({ text }) => text);
}

function drift(over: Partial<Transition> = {}): Transition {
  const detail = {
    object: { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'web' },
    fields: [{ path: '.spec.replicas', manager: 'kubectl-scale', time: '2026-11-24T11:59:58Z' }],
    reverted: true,
  };
  const at = '2026-11-24T11:59:59.200Z';
  return {
    at,
    agentAt: at,
    target: 't',
    application: 'shop',
    cluster: 'dev',
    kind: 'Drift',
    from: null,
    to: '',
    detail,
    ...over,
  };
}

describe('a commit', () => {
  test('is one line that counts the clusters where all of it is, and ends when it is on all', () => {
    const narrator = new Narrator();
    const moving = target('c2', { observedAssignment: 0 });
    const first = narrator.tell(null, sight({ targets: [target('c1'), moving] }), nowMs);
    const second = narrator.tell(null, sight({ targets: [target('c1'), target('c2')] }), nowMs + 4200);
    expect(first.map(({ text }) => text)).toEqual([
      'commit 3fa9c1d "Three of them more" by You: 1 of 2 clusters there'.replace(' more', ''),
    ]);
    expect(second.map(({ text }) => text)).toEqual([
      'commit 3fa9c1d "Three of them" by You: on all 2 clusters after 4.2 s',
    ]);
    expect(second[0]?.id).toBe(first[0]?.id);
    expect(narrator.tell(null, sight({ targets: [target('c1'), target('c2')] }), nowMs + 5000)).toEqual([]);
  });
});

describe('drift', () => {
  const quiet = sight({ targets: [] });

  test('is told with who did it and how long it lasted at most; what was there before is no news', () => {
    const narrator = new Narrator();
    expect(narrator.tell(null, { ...quiet, drifts: [drift()] }, nowMs)).toEqual([]);
    expect(narrator.tell(quiet, { ...quiet, drifts: [drift()] }, nowMs)).toEqual([]);
    expect(texts(quiet, { ...quiet, drifts: [drift()] })).toEqual([
      'dev: deployment web scaled by kubectl-scale, put back within 2 s',
    ]);
  });

  test('that was made here is told to the millisecond, one that was told late says so', () => {
    const narrator = new Narrator();
    narrator.noteOwnDrift('dev', Date.parse('2026-11-24T11:59:59.100Z') - 0);
    const late = {
      at: '2026-11-24T12:00:20Z',
      detail: { object: { kind: 'ConfigMap', name: 'a' }, fields: [], reverted: true },
    };
    const news = [drift(), drift({ ...late, cluster: 'other', to: 'ConfigMap/a' })];
    expect(narrator.tell(quiet, { ...quiet, drifts: news }, nowMs).map(({ text }) => text)).toEqual([
      'dev: deployment web scaled by kubectl-scale, put back after 0.1 s',
      'other: configmap a changed or deleted, put back, told now that the hub is back',
    ]);
  });

  test('on many clusters at once is one line', () => {
    const many = names(40).map((name) => drift({ cluster: name, target: name }));
    expect(texts(quiet, { ...quiet, drifts: many })).toEqual([
      '40 changes by others put back, on c1, c2 and 38 more',
    ]);
  });
});

describe('clusters', () => {
  test('of a large fleet are counted, not listed', () => {
    const before = sight({ clusters: names(200).map((name) => cluster(name, { connection: 'Never' })) });
    const now = sight({ clusters: names(200).map((name) => cluster(name)) });
    expect(texts(before, now)).toEqual(['200 agents are connected']);
    expect(
      texts(now, { ...now, clusters: names(200).map((name) => cluster(name, { connection: 'Offline' })) }),
    ).toEqual(['200 agents not heard any more: c1, c2 and 198 more']);
  });

  test('that a person must look at are told with the reason', () => {
    const before = sight({ clusters: [cluster('dev')], targets: [target('dev')] });
    const apart = cluster('dev', { state: 'Quarantined', stateReason: 'duplicate agent: displaced' });
    const sick = target('dev', { health: 'Degraded', healthMessage: 'web: 0 of 2 ready' });
    expect(texts(before, { ...before, clusters: [apart], targets: [sick] })).toEqual([
      expect.stringContaining('commit 3fa9c1d'),
      'dev is Quarantined: duplicate agent: displaced',
      'dev: shop is degraded: web: 0 of 2 ready',
    ]);
  });
});

describe('a rollout', () => {
  const rollout = {
    id: 'r',
    application: 'shop',
    applicationId: 'shop',
    revisionNumber: 2,
    kind: 'forward',
    phase: 'Running',
    phaseReason: null,
    closedAt: null,
    waves: [{ wave: 0, total: 1, outcomes: { Assigned: 1 } }],
    waveNames: ['canary', 'rest'],
  } as unknown as SeenRollout;
  const before = sight({ applications: [], rollouts: [rollout] });

  test('is told at each further wave, and where it halts', () => {
    const next = {
      ...rollout,
      waves: [...rollout.waves, { wave: 1, total: 11, outcomes: { Assigned: 3, Pending: 8 } }],
    };
    const halted = { ...next, phase: 'Paused', phaseReason: '1 failed' };
    expect(texts(before, { ...before, rollouts: [next] })).toEqual([
      'rollout of shop revision 2: on to wave "rest", 11 clusters',
    ]);
    expect(texts(before, { ...before, rollouts: [halted] })).toEqual([
      'rollout of shop revision 2 is Paused: 1 failed',
    ]);
  });

  test('that goes its way to the end is told by its commit alone', () => {
    const done = { ...rollout, phase: 'Completed', closedAt: '2026-11-24T12:00:00Z' };
    expect(texts(before, { ...before, rollouts: [done] })).toEqual([]);
  });
});
