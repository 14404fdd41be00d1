/**
 * Stands where the reconciler stands in a real agent: takes the desired entries, waits as long as a cluster would take,
 * and says what a cluster would say: applied and healthy, or failed. The same assignment is never run twice.
 */
import type { DesiredEntry } from '@flotilla/domain/desired/parse';
import type { Digest } from '@flotilla/domain/digest/sha256';
import type { FactBody, ObservedState } from '@flotilla/domain/status/observed';

export interface ClusterBehaviour {
  /** Between a bundle's arrival and its end; drawn evenly. */
  answerMinMs: number;
  answerMaxMs: number;
  /** Of assignments, 0 to 1. */
  failingShare: number;
}

export interface SimulatedClusterOptions {
  behaviour: () => ClusterBehaviour;
  random: () => number;
  isComplete: (digest: Digest) => boolean;
  onState: (state: ObservedState) => void;
  onFact: (fact: FactBody) => void;
  /** An assignment has ended. */
  onEnd: (outcome: 'applied' | 'failed' | 'removed') => void;
}

export interface SimulatedCluster {
  setDesired(entries: readonly DesiredEntry[]): void;
  bundleArrived(digest: Digest): void;
  /** Says what is known of every target once more, with another message: as if each had changed. */
  sayAgain(message: string): void;
  /** Targets of which something was said. */
  targets(): string[];
  stop(): void;
}

interface Held {
  entry: DesiredEntry;
  /** The assignment that was begun last. */
  begun: number;
  timer: NodeJS.Timeout | null;
  state: ObservedState | null;
}

export function createSimulatedCluster(options: SimulatedClusterOptions): SimulatedCluster {
  const held = new Map<string, Held>();
  return {
    setDesired: (entries) => {
      const wanted = new Set(entries.map(({ target }) => target));
      for (const target of held.keys()) if (!wanted.has(target)) drop(held, target);
      for (const entry of entries) take(options, held, entry);
    },
    bundleArrived: (digest) => {
      for (const one of held.values()) if (one.entry.head.bundle.digest === digest) begin(options, one);
    },
    sayAgain: (message) => {
      for (const { state } of held.values()) {
        if (state !== null) options.onState({ ...state, health: { ...state.health, message } });
      }
    },
    targets: () => Array.from(held.values()).flatMap(({ state }) => state?.target ?? []),
    stop: () => {
      for (const { timer } of held.values()) clearTimeout(timer ?? undefined);
    },
  };
}

function drop(held: Map<string, Held>, target: string): void {
  clearTimeout(held.get(target)?.timer ?? undefined);
  held.delete(target);
}

function take(options: SimulatedClusterOptions, held: Map<string, Held>, entry: DesiredEntry): void {
  const known = held.get(entry.target);
  const one = known ?? { entry, begun: -1, timer: null, state: null };
  const isRemoval = entry.head.state === 'Removing' && one.entry.head.state !== 'Removing';
  one.entry = entry;
  if (isRemoval) one.begun = -1;
  held.set(entry.target, one);
  begin(options, one);
}

function begin(options: SimulatedClusterOptions, one: Held): void {
  const { head } = one.entry;
  if (head.assignment <= one.begun || head.state === 'Suspended') return;
  const needsBundle = head.state !== 'Removing';
  if (needsBundle && !options.isComplete(head.bundle.digest)) return;
  one.begun = head.assignment;
  clearTimeout(one.timer ?? undefined);
  const { answerMinMs, answerMaxMs } = options.behaviour();
  const waitMs = answerMinMs + options.random() * (answerMaxMs - answerMinMs);
  const startedAt = new Date().toISOString();
  one.timer = setTimeout(() => end(options, one, startedAt), waitMs);
}

function end(options: SimulatedClusterOptions, one: Held, startedAt: string): void {
  const { target, head } = one.entry;
  one.timer = null;
  if (head.state === 'Removing') {
    one.state = stateOf(one, 'Succeeded', startedAt, 'Removed');
    options.onFact({
      type: 'Removed',
      target,
      assignment: head.assignment,
      mode: head.removal ?? 'delete',
    });
    options.onState(one.state);
    options.onEnd('removed');
    return;
  }
  const failed = options.random() < options.behaviour().failingShare;
  const phase = failed ? 'Failed' : 'Succeeded';
  const before = one.state;
  one.state = stateOf(one, phase, startedAt, 'None');
  if (!failed) options.onFact(appliedFact(one, before));
  const message = failed ? 'the simulated cluster was told to fail' : '';
  options.onFact({ type: 'Operation', target, assignment: head.assignment, phase, message, startedAt });
  options.onState(one.state);
  options.onEnd(failed ? 'failed' : 'applied');
}

function appliedFact({ entry }: Held, before: ObservedState | null): FactBody {
  const { target, head } = entry;
  const fromRevision = before === null ? null : before.revision;
  const { assignment, revision } = head;
  return { type: 'Applied', target, assignment, fromRevision, revision, bundle: head.bundle.digest };
}

function stateOf(
  { entry }: Held,
  phase: 'Succeeded' | 'Failed',
  startedAt: string,
  removal: ObservedState['removal'],
): ObservedState {
  const { target, head } = entry;
  const failed = phase === 'Failed';
  const message = failed ? 'the simulated cluster was told to fail' : '';
  return {
    target,
    assignment: head.assignment,
    revision: head.revision,
    bundle: head.bundle.digest,
    sync: failed ? 'OutOfSync' : 'Synced',
    health: { status: failed ? 'Degraded' : 'Healthy', message },
    operation: {
      assignment: head.assignment,
      phase,
      message,
      startedAt,
      finishedAt: new Date().toISOString(),
      attempt: 1,
    },
    counts: { objects: 10, outOfSync: failed ? 1 : 0, pruneHeld: 0 },
    conditions: [],
    resources: [],
    removal,
  };
}
