/** Pure half of ingest for facts: which are new, the history row each becomes, and how they move a target's runs. */
import type { Identity } from '@flotilla/domain/object/types';
import type { FactBody } from '@flotilla/domain/status/observed';
import { ringKey, type StoredTarget, type TransitionRow } from './ingest.store.ts';
import { idsOf } from './observe.ts';
import type { ReportedFact } from './report.ts';
import type { NewRun, PresentRun } from './runs.store.ts';

const nobody = '00000000-0000-0000-0000-000000000000';

/** Facts above what their ring has, once each, in the order of their numbers. */
export function newFacts(facts: readonly ReportedFact[], rings: ReadonlyMap<string, bigint>): ReportedFact[] {
  const fresh = new Map<string, ReportedFact>();
  for (const fact of facts) {
    const key = ringKey(fact.clusterId, fact.incarnation);
    if (fact.number > (rings.get(key) ?? 0n)) fresh.set(`${key}/${fact.number}`, fact);
  }
  return [...fresh.values()].toSorted((a, b) => Number(a.number - b.number));
}

/** The highest number of each ring among these facts. */
export function ringHeads(
  facts: readonly ReportedFact[],
): { clusterId: string; incarnation: string; number: bigint }[] {
  const heads = new Map<string, { clusterId: string; incarnation: string; number: bigint }>();
  for (const { clusterId, incarnation, number } of facts) {
    const key = ringKey(clusterId, incarnation);
    if (number > (heads.get(key)?.number ?? -1n)) heads.set(key, { clusterId, incarnation, number });
  }
  return [...heads.values()].toSorted((a, b) =>
    ringKey(a.clusterId, a.incarnation) < ringKey(b.clusterId, b.incarnation) ? -1 : 1,
  );
}

/** Null: nothing to keep, because it does not parse or speaks of a target that is not this cluster's. */
export function factRow(
  { clusterId, agentAt, fact }: ReportedFact,
  targets: ReadonlyMap<string, StoredTarget>,
  at: Date,
): TransitionRow | null {
  if (fact === null) return null;
  if (fact.type === 'Overflow') {
    const ids = { targetId: nobody, applicationId: nobody, clusterId };
    return { at, agentAt, ...ids, kind: 'Overflow', from: null, to: null, detail: { dropped: fact.dropped } };
  }
  const target = targets.get(fact.target);
  if (!target || target.clusterId !== clusterId) return null;
  return { at, agentAt, ...idsOf(target), ...wordsOf(fact) };
}

type TargetFact = Exclude<FactBody, { type: 'Overflow' }>;

function wordsOf(fact: TargetFact): Pick<TransitionRow, 'kind' | 'from' | 'to' | 'detail'> {
  const { type: kind, target: _target, ...detail } = fact;
  switch (fact.type) {
    case 'Applied':
      return {
        kind,
        from: fact.fromRevision === null ? null : String(fact.fromRevision),
        to: String(fact.revision),
        detail,
      };
    case 'Operation':
      return { kind, from: null, to: fact.phase, detail };
    case 'Drift':
      return { kind, from: null, to: nameOf(fact.object), detail };
    case 'Pruned':
      return { kind, from: nameOf(fact.object), to: null, detail };
    case 'Removed':
      return { kind, from: null, to: fact.mode, detail };
  }
}

function nameOf({ group, kind, namespace, name }: Identity): string {
  return [group === '' ? kind : `${kind}.${group}`, namespace, name].filter((part) => part !== '').join('/');
}

/** One thing that was in force on a target from a moment on; null: nothing any more. */
export interface InForce {
  target: StoredTarget;
  clusterName: string;
  run: { revision: number; bundle: string; assignment: number } | null;
  agentAt: Date | null;
}

export interface RunChanges {
  closed: string[];
  opened: NewRun[];
}

/** The same bundle again is the same run, however often it was applied. */
export function runChanges(
  steps: readonly InForce[],
  present: ReadonlyMap<string, PresentRun>,
  at: Date,
): RunChanges {
  const inForce = new Map<string, PresentRun | null>(present);
  const closed = new Set<string>();
  const opened = new Map<string, NewRun>();
  const passed: NewRun[] = [];
  for (const { target, clusterName, run, agentAt } of steps) {
    const before = inForce.get(target.targetId) ?? null;
    if (isSame(before, run)) continue;
    if (present.has(target.targetId)) closed.add(target.targetId);
    const superseded = opened.get(target.targetId);
    if (superseded) passed.push({ ...superseded, until: at });
    opened.delete(target.targetId);
    inForce.set(target.targetId, run);
    const names = { clusterName, applicationName: target.applicationName };
    if (run) opened.set(target.targetId, { ...idsOf(target), ...names, ...run, at, until: null, agentAt });
  }
  return { closed: [...closed], opened: [...passed, ...opened.values()] };
}

function isSame(before: PresentRun | null, run: PresentRun | null): boolean {
  return before?.revision === run?.revision && before?.bundle === run?.bundle;
}
