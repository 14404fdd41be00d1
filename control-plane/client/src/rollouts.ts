/** Rollouts as a client sees them: how far they are, what they wait for, and how they are steered. */
import type { RemovalMode, RevisionSummary } from './types.ts';

export interface WaveSummary {
  wave: number;
  total: number;
  outcomes: Record<string, number>;
}

export interface Rollout {
  id: string;
  application: string;
  applicationId: string;
  /** '' in an application without stages. */
  stage: string;
  revisionNumber: number;
  kind: string;
  phase: string;
  phaseReason: string | null;
  createdBy: string;
  createdAt: string;
  startedAt: string | null;
  closedAt: string | null;
  waves: WaveSummary[];
}

export interface WaveDetail extends WaveSummary {
  name: string;
  state: 'Waiting' | 'Running' | 'Soaking' | 'Done';
  /** Failed, or bad again after they had Succeeded. */
  failures: number;
  /** And until when; '' where it waits for nothing. */
  waitsFor: string;
  /** Null: only a person knows. */
  until: string | null;
}

export interface RolloutFailure {
  cluster: string;
  wave: string;
  reason: string;
  message: string;
  at: string | null;
}

export interface RolloutDetail extends Rollout {
  /** By the hub's clock. */
  readAt: string;
  revision: RevisionSummary;
  /** Every wave in order; empty while the rollout waits to start. */
  waves: WaveDetail[];
  waitsFor: string;
  until: string | null;
  /** Null where it cannot be said. */
  estimatedEndAt: string | null;
  /** Offline when their turn came: they get it when they return. */
  deferred: number;
  /** `first` has at most 10. */
  failures: { total: number; reasons: Record<string, number>; first: RolloutFailure[] };
  strategy: Record<string, unknown>;
  events: { at: string; kind: string; message: string; detail: Record<string, unknown> }[];
}

/** What waits for a person, once for the whole fleet. */
export interface Question {
  application: string;
  applicationId: string;
  project: string;
  /** A revision drops many objects; many targets left the placement at once; or clusters lost their inventory and rebuilt it. */
  kind: 'drop' | 'leaving' | 'inventory';
  revision: RevisionSummary | null;
  /** Objects that would go, targets that would leave or clusters that rebuilt, out of how many; null: not known. */
  count: number | null;
  of: number | null;
  /** What becomes of the objects of targets that leave; null for a drop. */
  removal: RemovalMode | null;
  /** That targets would leave, at most 10. */
  clusters: string[];
  since: string;
  message: string;
}

/** `stage`: of an application with stages; left out: the only one of which it can be asked. */
export type RolloutAction =
  | { action: 'start'; revision: number; stage?: string }
  | { action: 'pause' | 'abort' | 'rollback'; reason?: string; stage?: string }
  | { action: 'resume' | 'promote' | 'resumeLane'; stage?: string }
  /** Lets a revision go on to a stage; `revision` left out: its candidate. */
  | { action: 'promoteStage'; stage: string; revision?: number }
  /** `targets`: refused where another number of them ask by now. */
  | { action: 'confirmLeaving' | 'confirmInventory'; targets?: number }
  | { action: 'approve'; wave: string; stage?: string }
  | { action: 'retry' | 'unpin'; cluster: string }
  | { action: 'skip'; cluster: string; reason?: string }
  | { action: 'pin'; cluster: string; revision: number; reason?: string; expiresAt?: string | null }
  | { action: 'confirmDrop'; revision: number };

export interface RolloutActionResult {
  application: string;
  action: string;
  /** In which it was done; '' without stages, or where it concerns none. */
  stage: string;
  /** What it did, in words. */
  events: string[];
}
