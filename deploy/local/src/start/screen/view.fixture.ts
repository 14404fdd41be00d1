/** Views of made-up fleets for the screen's tests: always the same. */
import type { ClusterMood, Mood } from './mood.ts';
import type { ScreenView } from './view.ts';

const nowMs = new Date(2026, 10, 24, 12, 0, 30).getTime();
const environments = ['dev', 'staging', 'production'];

const common = {
  nowMs,
  engine: 'simkube: simulated clusters',
  upMs: 133_000,
  hub: { state: 'here', url: 'https://127.0.0.1:41003' },
  parts: [
    { name: 'Postgres', state: 'done', tookMs: 2100 },
    { name: 'agents', state: 'done', tookMs: 4200 },
  ],
  keys: [
    { key: 'p', does: 'push a change' },
    { key: 'd', does: 'make drift' },
    { key: 'h', does: 'stop the hub' },
    { key: 'c', does: 'commands' },
    { key: 'q', does: 'quit' },
  ],
  busy: '',
} as const;

function cluster(name: string, group: string, mood: Mood, revision: number, note = ''): ClusterMood {
  return { name, group, mood, revision, newest: 7, note };
}

export function startingView(): ScreenView {
  return {
    ...common,
    upMs: 6400,
    hub: { state: 'starting' },
    agents: { connected: 0, total: 0 },
    parts: [
      { name: 'build', state: 'done', tookMs: 3100 },
      { name: 'Postgres', state: 'done', tookMs: 1700 },
      { name: 'clusters', state: 'done', tookMs: 900 },
      { name: 'hub', state: 'running', tookMs: 700 },
    ],
    clusters: [],
    rollouts: [],
    feed: [],
    keys: [{ key: 'q', does: 'quit' }],
  };
}

export function threeView(): ScreenView {
  return {
    ...common,
    agents: { connected: 3, total: 3 },
    clusters: [
      cluster('dev', 'dev', 'current', 7),
      cluster('staging', 'staging', 'progressing', 6, 'shop: web: 1 of 3 updated'),
      cluster('production', 'production', 'older', 6),
    ],
    rollouts: [
      {
        application: 'shop',
        revision: 7,
        kind: 'forward',
        phase: 'Running',
        reason: '',
        what: 'commit 3fa9c1d "Three of them"',
        forMs: 2300,
        waves: [
          { name: 'dev', total: 1, done: 1, failed: 0, inFlight: 0 },
          { name: 'staging', total: 1, done: 0, failed: 0, inFlight: 1 },
          { name: 'rest', total: 1, done: 0, failed: 0, inFlight: 0 },
        ],
      },
    ],
    feed: [
      {
        id: '1',
        atMs: nowMs - 20_000,
        tone: 'good',
        text: 'dev: deployment web scaled by kubectl-scale, put back after 0.2 s',
      },
      {
        id: '2',
        atMs: nowMs - 2000,
        tone: 'moving',
        text: 'commit 3fa9c1d "Three of them" by You: 1 of 3 clusters there',
      },
    ],
  };
}

export function awayView(): ScreenView {
  const view = threeView();
  return {
    ...view,
    hub: { state: 'away', url: 'https://127.0.0.1:41003', forMs: 1400 },
    keys: view.keys.map((key) => (key.key === 'h' ? { key: 'h', does: 'start the hub' } : key)),
    rollouts: [],
    feed: [
      ...view.feed,
      { id: 'hub', atMs: nowMs - 1400, tone: 'bad', text: 'hub away: the agents go on without it' },
    ],
  };
}

const manyMoods: Mood[] = Array.from({ length: 200 }, (_, index) => {
  if (index === 17 || index === 140) return 'degraded';
  if (index === 60) return 'away';
  if (index === 99) return 'apart';
  if (index < 120) return 'current';
  return index < 150 ? 'progressing' : 'older';
});

export function manyView(): ScreenView {
  const clusters = manyMoods.map((mood, index) => {
    const environment = environments[index % 3] ?? '';
    const note = mood === 'degraded' ? 'shop: web: 0 of 2 ready, CrashLoopBackOff' : '';
    const why = mood === 'apart' ? 'quarantined: duplicate agent: displaced 3 times' : note;
    return cluster(`${environment}-${index + 1}`, environment, mood, index < 120 ? 7 : 6, why);
  });
  return {
    ...common,
    agents: { connected: 199, total: 200 },
    clusters,
    rollouts: [
      {
        application: 'shop',
        revision: 7,
        kind: 'forward',
        phase: 'Running',
        reason: '',
        what: 'commit 3fa9c1d "Three of them"',
        forMs: 9200,
        waves: [
          { name: 'dev', total: 67, done: 66, failed: 1, inFlight: 0 },
          { name: 'staging', total: 67, done: 40, failed: 0, inFlight: 27 },
          { name: 'rest', total: 66, done: 0, failed: 0, inFlight: 0 },
        ],
      },
      {
        application: 'shop-dev',
        revision: 4,
        kind: 'forward',
        phase: 'Paused',
        reason: '1 failed, more than the budget of 0',
        what: '',
        forMs: 74_000,
        waves: [{ name: 'all', total: 67, done: 12, failed: 1, inFlight: 0 }],
      },
    ],
    feed: Array.from({ length: 30 }, (_, index) => ({
      id: String(index),
      atMs: nowMs - (30 - index) * 1000,
      tone: 'plain',
      text: `event ${index + 1}, told in a sentence that is longer than eighty columns are wide, and ends here`,
    })),
  };
}
