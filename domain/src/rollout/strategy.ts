/**
 * How an application's revisions move across its fleet. A `Strategy` is complete: every default is filled in by
 * `parseStrategy` (parseStrategy.ts), which also refuses what is not supported instead of ignoring it.
 */
import type { Gate } from '../gate/gate.ts';
import type { Selector } from '../placement/selector.ts';
import type { Window } from '../window/window.ts';

/** A count, or a share of the wave's targets. `maxConcurrent` rounds up (at least 1), `maxFailures` rounds down. */
export type Amount = number | `${number}%`;

export type WaveMatch =
  | { type: 'labels'; selector: Selector }
  /** Cluster names; `*` and `?` are globs. */
  | { type: 'names'; names: readonly string[] }
  /** A share of what is left of the rest: targets that no wave by labels or names matches, nor an earlier percent wave. */
  | { type: 'percent'; percent: number }
  /** Whatever no other wave took: always the last wave. */
  | { type: 'rest' };

export interface WaveSettings {
  maxConcurrent: Amount;
  /** More failures than this halt the rollout; 0 halts at the first one. */
  maxFailures: Amount;
  /** Time that each target must be reported healthy before it counts as Succeeded. */
  soakMs: number;
  /** Per target, from its assignment, not counting time reported healthy nor time in which the hub was away. */
  deadlineMs: number;
  /** A person must approve before the wave starts. */
  approval: boolean;
  /** Must have passed for this revision before the wave starts; checked when all else lets it start. */
  gates: readonly Gate[];
  /** When the wave may start and its targets may be assigned, beside the windows of the project; none: always. */
  windows: readonly Window[];
}

export interface Wave extends WaveSettings {
  name: string;
  match: WaveMatch;
}

export type OnFailure = 'pause' | 'rollback' | 'continue';
export type OfflinePolicy = 'defer' | 'wait' | 'fail';
export type OnNewRevision = 'supersede' | 'queue';

export interface LaneSettings {
  maxConcurrent: Amount;
  maxFailures: Amount;
}

export interface Strategy {
  /** In order; the last one matches the rest. */
  waves: readonly Wave[];
  onFailure: OnFailure;
  offline: OfflinePolicy;
  onNewRevision: OnNewRevision;
  /** For targets outside any rollout: joiners, returning, unpinned and resumed ones. */
  lane: LaneSettings;
  /** Deadline of an assignment in the lane, and of waves that set none. */
  deadlineMs: number;
  /** Of the lane, and of waves that set none. */
  windows: readonly Window[];
}

export const waveDefaults: WaveSettings = {
  maxConcurrent: '100%',
  maxFailures: 0,
  soakMs: 0,
  deadlineMs: 30 * 60_000,
  approval: false,
  gates: [],
  windows: [],
};

/** One wave, all at once, halting at the first failure. */
export const defaultStrategy: Strategy = {
  waves: [{ name: 'all', match: { type: 'rest' }, ...waveDefaults }],
  onFailure: 'pause',
  offline: 'defer',
  onNewRevision: 'supersede',
  lane: { maxConcurrent: '100%', maxFailures: 0 },
  deadlineMs: waveDefaults.deadlineMs,
  windows: [],
};
