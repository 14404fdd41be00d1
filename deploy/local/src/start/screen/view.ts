/** What the screen shows, as plain data: all that `render.ts` knows. Made from what was seen, without clock or IO. */
import type { ClusterMood } from './mood.ts';
import type { SeenRollout } from './sight.ts';

export interface ScreenView {
  nowMs: number;
  /** In words for people: `simkube: simulated clusters`. */
  engine: string;
  upMs: number;
  hub: HubView;
  agents: { connected: number; total: number };
  /** What was started, or is being started; shown while one is not done. */
  parts: readonly PartView[];
  clusters: readonly ClusterMood[];
  rollouts: readonly RolloutView[];
  /** Newest last. */
  feed: readonly FeedItem[];
  keys: readonly { key: string; does: string }[];
  /** What a key is doing now, or ''. */
  busy: string;
}

export type HubView =
  { state: 'starting' } | { state: 'here'; url: string } | { state: 'away'; url: string; forMs: number };

export interface PartView {
  name: string;
  state: 'running' | 'done' | 'failed';
  tookMs: number;
}

export interface RolloutView {
  application: string;
  revision: number;
  kind: string;
  phase: string;
  reason: string;
  /** `commit 3fa9c1d "Three of them"`, or ''. */
  what: string;
  forMs: number;
  waves: readonly WaveView[];
}

export interface WaveView {
  name: string;
  total: number;
  done: number;
  failed: number;
  inFlight: number;
}

export type Tone = 'plain' | 'good' | 'bad' | 'moving' | 'quiet';

export interface FeedItem {
  /** A later item with the same id takes the place of an earlier one. */
  id: string;
  atMs: number;
  tone: Tone;
  text: string;
}

/** Deferred and skipped ones do not hold a wave: they count as done, unless the rollout ended before its end. */
function isDone(outcome: string, phase: string): boolean {
  const isCutShort = ['RolledBack', 'Aborted', 'Superseded'].includes(phase);
  return outcome === 'Succeeded' || (!isCutShort && ['Deferred', 'Skipped'].includes(outcome));
}

export function rolloutView(rollout: SeenRollout, what: string, nowMs: number): RolloutView {
  const { application, revisionNumber, kind, phase, phaseReason, startedAt, createdAt, closedAt } = rollout;
  const fromMs = Date.parse(startedAt ?? createdAt);
  const toMs = closedAt === null ? nowMs : Date.parse(closedAt);
  return {
    application,
    revision: revisionNumber,
    kind,
    phase,
    reason: phaseReason ?? '',
    what,
    forMs: Math.max(toMs - fromMs, 0),
    waves: rollout.waves.map(({ wave, total, outcomes }) => {
      const entries = Object.entries(outcomes);
      const sum = (is: (outcome: string) => boolean) =>
        entries.filter(([outcome]) => is(outcome)).reduce((all, [, count]) => all + count, 0);
      return {
        name: rollout.waveNames[wave] ?? `wave ${wave + 1}`,
        total,
        done: sum((outcome) => isDone(outcome, phase)),
        failed: sum((outcome) => outcome === 'Failed'),
        inFlight: sum((outcome) => ['Assigned', 'Progressing', 'Soaking'].includes(outcome)),
      };
    }),
  };
}
