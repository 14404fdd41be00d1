/**
 * A fleet that exists only in numbers, for the tests of the state machine: clusters that take up assignments after a
 * while, succeed, fail, hang or go away, under a clock that the test moves. Nothing here is used by a running hub.
 */
import type { Verdict } from '../../gate/gate.ts';
import { changesOf, isUnchanged } from '../changes.ts';
import { recordCheck } from '../checks.ts';
import { next } from '../next.ts';
import { emptyFleet, type FleetState, type Rollout, type TargetState } from '../state.ts';
import type {
  Drop,
  Observation,
  Observations,
  Rendering,
  Reported,
  RolloutEvent,
  Step,
  VerbResult,
  WantedCheck,
} from '../step.ts';
import type { Strategy } from '../strategy.ts';
import type { Window } from '../../window/window.ts';

export type Fate = 'ok' | 'operationFails' | 'degrades' | 'hangs' | 'goesOffline';

export interface SimulatedCluster {
  name: string;
  labels: Record<string, string>;
  connected: boolean;
  sinceMs: number;
  paused: boolean;
  reported: Reported | null;
  /** What is assigned and not yet carried out. */
  task: { assignment: number; revision: number; bundle: string; atMs: number } | null;
}

export interface SimulatedFleet {
  nowMs: number;
  strategy: Strategy;
  state: FleetState;
  clusters: Map<string, SimulatedCluster>;
  closed: Rollout[];
  events: RolloutEvent[];
  assignments: Step['assignments'][number][];
  fate: (cluster: string, revision: number) => Fate;
  takesMs: number;
  render: (revision: number, target: string) => Rendering;
  drop: (from: string, to: string) => Drop | null;
  /** Sync windows of the project. */
  windows: readonly Window[];
  outages: { fromMs: number; toMs: number }[];
  /** What a gate says at a check. */
  gate: (check: WantedCheck) => Verdict;
  /** Checks that the last step asked for. */
  checks: readonly WantedCheck[];
  ids: number;
}

export function simulatedFleet(strategy: Strategy, count: number): SimulatedFleet {
  const fleet: SimulatedFleet = {
    nowMs: 1_000_000,
    strategy,
    state: emptyFleet,
    clusters: new Map(),
    closed: [],
    events: [],
    assignments: [],
    fate: () => 'ok',
    takesMs: 10_000,
    render: (revision) => ({ state: 'Ready', variant: `v${revision}`, bundle: `b${revision}`, sizeBytes: 1 }),
    drop: () => ({ dropped: 0, total: 100 }),
    windows: [],
    outages: [],
    gate: () => ({ isSuccess: true, message: 'status 200' }),
    checks: [],
    ids: 0,
  };
  for (let at = 0; at < count; at++) addCluster(fleet, `c${String(at).padStart(3, '0')}`, {});
  return fleet;
}

export function addCluster(fleet: SimulatedFleet, name: string, labels: Record<string, string>): void {
  const sinceMs = fleet.nowMs;
  fleet.clusters.set(name, {
    name,
    labels,
    connected: true,
    sinceMs,
    paused: false,
    reported: null,
    task: null,
  });
  const target: TargetState = {
    id: name,
    clusterId: name,
    stage: '',
    assignment: 0,
    revision: null,
    variant: null,
    bundle: null,
    given: null,
    entitled: null,
    pin: null,
    healthy: [],
    leaving: false,
    lane: null,
  };
  fleet.state = { ...fleet.state, targets: new Map([...fleet.state.targets, [name, target]]) };
}

export function clusterOf(fleet: SimulatedFleet, name: string): SimulatedCluster {
  const cluster = fleet.clusters.get(name);
  if (cluster === undefined) throw new Error(`no cluster ${name}`);
  return cluster;
}

export function connect(fleet: SimulatedFleet, name: string, connected: boolean): void {
  const cluster = clusterOf(fleet, name);
  if (cluster.connected === connected) return;
  cluster.connected = connected;
  cluster.sinceMs = fleet.nowMs;
  if (connected && cluster.task !== null) cluster.task = { ...cluster.task, atMs: fleet.nowMs };
}

export function freshId(fleet: SimulatedFleet): string {
  fleet.ids += 1;
  return `r${fleet.ids}`;
}

/** Applies a verb; throws when it refuses. */
export function apply(fleet: SimulatedFleet, result: VerbResult): void {
  if (!result.ok) throw new Error(result.reason);
  save(fleet, result.state, result.events);
}

/** One step, saved, its assignments on their way. */
export function tick(fleet: SimulatedFleet): Step {
  const step = next(fleet.strategy, fleet.state, observations(fleet), fleet.nowMs);
  save(fleet, step.state, step.events);
  fleet.checks = step.wanted.checks;
  for (const made of step.assignments) {
    const { assignment, revision, bundle } = made;
    clusterOf(fleet, made.target).task = { assignment, revision, bundle, atMs: fleet.nowMs };
    fleet.assignments.push(made);
  }
  return step;
}

/** Moves the clock in strides, with the clusters at work and a step after each. */
export function run(fleet: SimulatedFleet, durationMs: number, strideMs = 5_000): void {
  const endMs = fleet.nowMs + durationMs;
  while (fleet.nowMs < endMs) {
    fleet.nowMs = Math.min(endMs, fleet.nowMs + strideMs);
    work(fleet);
    tick(fleet);
  }
}

/** Reports a check; false where it does not count. */
export function report(fleet: SimulatedFleet, check: WantedCheck): boolean {
  const { open } = fleet.state;
  const recorded = open === null ? null : recordCheck(open, { ...check, ...fleet.gate(check) }, fleet.nowMs);
  if (recorded === null) return false;
  save(fleet, { ...fleet.state, open: recorded.rollout }, [recorded.event]);
  return true;
}

/** Every agent does what its fate says, and gates are checked. */
export function work(fleet: SimulatedFleet): void {
  for (const check of fleet.checks) report(fleet, check);
  for (const cluster of fleet.clusters.values())
    if (cluster.connected && cluster.task !== null) carryOut(fleet, cluster);
}

export function observations(fleet: SimulatedFleet): Observations {
  const targets = new Map<string, Observation>();
  for (const [id, cluster] of fleet.clusters) targets.set(id, observationOf(cluster, fleet.nowMs));
  return {
    targets,
    render: fleet.render,
    drop: fleet.drop,
    prune: true,
    windows: () => fleet.windows,
    outages: fleet.outages,
    rollbackId: `auto-${fleet.ids}-${fleet.closed.length}-0000`,
  };
}

/** Nothing to write, nothing to say: what a second step on the same observations must be. */
export function isQuiet(before: FleetState, step: Step): boolean {
  return (
    step.assignments.length === 0 && step.events.length === 0 && isUnchanged(changesOf(before, step.state))
  );
}

function observationOf(cluster: SimulatedCluster, nowMs: number): Observation {
  return {
    clusterName: cluster.name,
    labels: cluster.labels,
    clusterState: cluster.paused ? 'Paused' : 'Active',
    connection: cluster.connected ? 'Connected' : 'Offline',
    liveSinceMs: cluster.connected ? cluster.sinceMs : null,
    lastSeenMs: cluster.connected ? nowMs : cluster.sinceMs,
    reported: cluster.reported,
  };
}

function carryOut(fleet: SimulatedFleet, cluster: SimulatedCluster): void {
  const { task, reported } = cluster;
  if (task === null) return;
  const fate = fleet.fate(cluster.name, task.revision);
  const isDone = fleet.nowMs - task.atMs >= fleet.takesMs;
  if (fate === 'goesOffline' && isDone) {
    cluster.task = null;
    return connect(fleet, cluster.name, false);
  }
  const phase = phaseOf(fate, isDone);
  const health = healthOf(fate, isDone);
  const isNew = reported?.assignment !== task.assignment || reported.health !== health;
  const message = fate === 'ok' ? '' : `by fate: ${fate}`;
  cluster.reported = {
    assignment: task.assignment,
    health,
    healthMessage: message,
    healthSinceMs: isNew ? fleet.nowMs : reported.healthSinceMs,
    operation: { assignment: task.assignment, phase, message },
    bundle: task.bundle,
  };
  if (isDone && fate === 'ok') cluster.task = null;
}

function phaseOf(fate: Fate, isDone: boolean): 'Running' | 'Succeeded' | 'Failed' {
  if (!isDone || fate === 'hangs') return 'Running';
  return fate === 'operationFails' ? 'Failed' : 'Succeeded';
}

function healthOf(fate: Fate, isDone: boolean): 'Progressing' | 'Healthy' | 'Degraded' {
  if (!isDone || fate === 'hangs') return 'Progressing';
  return fate === 'degrades' || fate === 'operationFails' ? 'Degraded' : 'Healthy';
}

function save(fleet: SimulatedFleet, state: FleetState, events: readonly RolloutEvent[]): void {
  fleet.closed.push(...state.closed);
  fleet.state = { ...state, closed: [] };
  fleet.events.push(...events);
}
