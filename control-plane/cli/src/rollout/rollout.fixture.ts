/** Rollouts as a hub shows them, for tests: one over 2,000 clusters in the middle of its second wave, and how it goes on. */
import type { RolloutDetail, WaveDetail } from '@flotilla/client/rollouts';

export const at = '2026-11-24T12:12:04.000Z';

export function wave(name: string, change: Partial<WaveDetail> = {}): WaveDetail {
  const outcomes = change.outcomes ?? {};
  const total = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
  return {
    wave: 0,
    name,
    state: 'Waiting',
    total,
    outcomes,
    failures: outcomes['Failed'] ?? 0,
    waitsFor: '',
    until: null,
    ...change,
  };
}

const emeaWaits =
  'wave emea: 38 of 800 in progress until 12:41 UTC at the latest, 40 of 800 soaking until 12:16 UTC';

export function rollout(change: Partial<RolloutDetail> = {}): RolloutDetail {
  return {
    id: '00000000-0000-4000-8000-0000000000d1',
    application: 'web',
    applicationId: '00000000-0000-4000-8000-0000000000a1',
    stage: '',
    revisionNumber: 42,
    kind: 'forward',
    phase: 'Running',
    phaseReason: null,
    createdBy: 'automation',
    createdAt: '2026-11-24T12:00:00Z',
    startedAt: '2026-11-24T12:00:00Z',
    closedAt: null,
    readAt: at,
    revision: {
      number: 42,
      state: 'Ready',
      commit: '3fa9c1d09a7be2f4c8d1035e6b7a8f90c1d2e3f4',
      message: 'Use more replicas for the shop front\n\nlong',
      author: 'Ada Lovelace <ada@example.com>',
    },
    waves: waves(),
    waitsFor: emeaWaits,
    until: '2026-11-24T12:41:00Z',
    estimatedEndAt: '2026-11-24T13:10:30Z',
    deferred: 57,
    failures: failures(),
    strategy: {},
    events: [
      event('12:08:11', 'WaveOpened', 'wave emea: 800 targets'),
      event('12:00:00', 'WaveOpened', 'wave canary: 20 targets'),
      event('12:00:00', 'Started', 'revision 42 to 2000 targets, by automation'),
    ],
    ...change,
  };
}

function waves(): WaveDetail[] {
  return [
    wave('canary', { state: 'Done', outcomes: { Succeeded: 20 } }),
    wave('emea', {
      state: 'Running',
      outcomes: {
        Succeeded: 412,
        Soaking: 40,
        Progressing: 30,
        Assigned: 8,
        Failed: 12,
        Deferred: 57,
        Pending: 241,
      },
      waitsFor: emeaWaits,
      until: '2026-11-24T12:41:00Z',
    }),
    wave('americas', { outcomes: { Pending: 700 } }),
    wave('rest', { outcomes: { Pending: 480 } }),
  ];
}

function failures(): RolloutDetail['failures'] {
  return {
    total: 12,
    reasons: { operation: 3, deadline: 9 },
    first: [
      failure(
        'eu-west-017',
        'operation',
        'apps/Deployment/shop/web: admission webhook "policy.example.com" denied the request',
      ),
      failure('eu-west-023', 'deadline', 'not healthy in time: Progressing web: 1 of 3 updated'),
      failure('eu-north-1', 'deadline', 'not healthy in time: Degraded web: 0 of 2 ready, CrashLoopBackOff'),
    ],
  };
}

export function event(time: string, kind: string, message: string): RolloutDetail['events'][number] {
  return { at: `2026-11-24T${time}.000Z`, kind, message, detail: {} };
}

function failure(cluster: string, reason: string, message: string) {
  return { cluster, wave: 'emea', reason, message, at: '2026-11-24T12:10:00Z' };
}

/** Everything of the first wave is healthy, and must stay so for a while. */
export function soaking(): RolloutDetail {
  const waitsFor = 'wave canary: 20 of 20 soaking until 12:16 UTC';
  const until = '2026-11-24T12:16:34Z';
  return rollout({
    waves: [
      wave('canary', { state: 'Soaking', outcomes: { Soaking: 20 }, waitsFor, until }),
      wave('rest', { outcomes: { Pending: 1_980 } }),
    ],
    waitsFor,
    until,
    estimatedEndAt: '2026-11-24T12:18:10Z',
    deferred: 0,
    failures: { total: 0, reasons: {}, first: [] },
    events: [event('12:00:00', 'Started', 'revision 42 to 2000 targets, by automation')],
  });
}

/** Manual sync: it has not begun. */
export function awaited(): RolloutDetail {
  return rollout({
    phase: 'AwaitingSync',
    phaseReason: 'manual sync',
    startedAt: null,
    waves: [],
    waitsFor: 'manual sync',
    until: null,
    estimatedEndAt: null,
    deferred: 0,
    failures: { total: 0, reasons: {}, first: [] },
    events: [],
  });
}

/** By its failure budget. */
export function paused(): RolloutDetail {
  const reason =
    'wave emea: 12 of 800 failed, first: operation apps/Deployment/shop/web: admission webhook "policy.example.com" denied the request';
  return rollout({
    phase: 'Paused',
    phaseReason: reason,
    waitsFor: `paused: ${reason}`,
    until: null,
    estimatedEndAt: null,
  });
}

/** The guard against mass deletion wants an answer. */
export function asked(): RolloutDetail {
  return rollout({
    waitsFor: 'confirmation: revision 42 drops 11 of 12 objects',
    until: null,
    estimatedEndAt: null,
    waves: [wave('all', { state: 'Running', outcomes: { Pending: 2_000 } })],
    deferred: 0,
    failures: { total: 0, reasons: {}, first: [] },
  });
}

export function closed(change: Partial<RolloutDetail> = {}): RolloutDetail {
  return rollout({
    phase: 'Completed',
    phaseReason: '1935 Succeeded, 57 Deferred, 8 Failed',
    closedAt: '2026-11-24T13:04:10Z',
    waitsFor: '',
    until: null,
    estimatedEndAt: null,
    waves: [
      wave('canary', { state: 'Done', outcomes: { Succeeded: 20 } }),
      wave('rest', { state: 'Done', outcomes: { Succeeded: 1_915, Deferred: 57, Failed: 8 } }),
    ],
    failures: { ...failures(), total: 8, reasons: { operation: 3, deadline: 5 } },
    ...change,
  });
}

/** More than a terminal has lines. */
export function manyWaves(): RolloutDetail {
  const thirty = Array.from({ length: 30 }, (_, number) => {
    if (number < 11) return wave(`wave-${number}`, { state: 'Done', outcomes: { Succeeded: 60 } });
    if (number > 11) return wave(`wave-${number}`, { outcomes: { Pending: 60 } });
    return wave('wave-11', { state: 'Running', outcomes: { Succeeded: 20, Progressing: 10, Pending: 30 } });
  });
  return rollout({ waves: thirty, deferred: 0, failures: { total: 0, reasons: {}, first: [] } });
}
