/**
 * Outcomes as they are stored. One that stands alone is a row; of many that stand alike, as those of a wave that waits or
 * was just assigned, one row says it for all: a pack. A pack holds until enough of its members changed to be packed anew;
 * who leaves it before that gets a row, and where both name a target its row counts. Pure.
 */
import type { ChangedOutcome } from '@flotilla/domain/rollout/changes';
import type { TargetOutcome } from '@flotilla/domain/rollout/state';

import { outcomeDetail, type OutcomeRow } from './fleetRows.ts';

/** Fewer than these are cheaper as rows. */
export const packMin = 16;
/** Written as a whole when a part of it changed. */
export const packMax = 500;
/** A pack of which a larger part changed at once is packed anew. */
const shareMax = 1 / 16;

/** What members of a pack have in common. */
export interface OutcomeKind {
  wave: number;
  outcome: string;
  reason: string | null;
  /** JSON of `StoredOutcomeState`. */
  state: string;
}

export interface OutcomePack {
  rolloutId: string;
  kind: OutcomeKind;
  targets: readonly string[];
  /** Of each target, in the same order. */
  clusters: readonly string[];
  assignments: readonly (number | null)[];
}

export interface StoredPack extends OutcomePack {
  id: string;
}

export interface StoredOutcomes {
  packs: readonly StoredPack[];
  /** Targets that have a row, by rollout: in a pack they do not count. */
  own: ReadonlyMap<string, ReadonlySet<string>>;
}

/** A row as it is written. */
export interface OutcomeToSave {
  rolloutId: string;
  targetId: string;
  clusterId: string;
  kind: OutcomeKind;
  assignment: number | null;
}

export interface OutcomeWrites {
  inserted: readonly OutcomeToSave[];
  updated: readonly OutcomeToSave[];
  packed: readonly OutcomePack[];
  /** Ids of packs. */
  unpacked: readonly string[];
}

/** `clusters`: of every target that an outcome may be of for the first time. */
export function outcomeWrites(
  stored: StoredOutcomes,
  changed: readonly ChangedOutcome[],
  clusters: ReadonlyMap<string, string>,
): OutcomeWrites {
  const kinds = new OutcomeKinds();
  const toSave = new Map<string, Map<string, OutcomeToSave>>();
  const fresh: OutcomeToSave[] = [];
  const updated: OutcomeToSave[] = [];
  for (const { rollout: rolloutId, outcome, isNew } of changed) {
    const { target: targetId, assignment } = outcome;
    const clusterId = clusters.get(targetId) ?? '';
    const row = { rolloutId, targetId, clusterId, kind: kinds.of(outcome), assignment };
    if (isNew) fresh.push(row);
    else if (stored.own.get(rolloutId)?.has(targetId) === true) updated.push(row);
    else entryOf(toSave, rolloutId).set(targetId, row);
  }
  const left = leavePacks(stored, toSave);
  const { alike, alone } = sortOut([...fresh, ...left.loose]);
  return { inserted: [...left.inserted, ...alone], updated, packed: alike, unpacked: left.unpacked };
}

function entryOf<T>(map: Map<string, Map<string, T>>, key: string): Map<string, T> {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = new Map<string, T>();
  map.set(key, made);
  return made;
}

/** `loose`: all that a pack had of which too many change for it to stay. */
function leavePacks(
  { packs, own }: StoredOutcomes,
  changed: ReadonlyMap<string, ReadonlyMap<string, OutcomeToSave>>,
): { loose: OutcomeToSave[]; inserted: OutcomeToSave[]; unpacked: string[] } {
  const loose: OutcomeToSave[] = [];
  const inserted: OutcomeToSave[] = [];
  const unpacked: string[] = [];
  for (const pack of packs) {
    const ofRollout = changed.get(pack.rolloutId);
    if (ofRollout === undefined) continue;
    const rows = own.get(pack.rolloutId);
    const leaving = pack.targets.filter((target) => ofRollout.has(target) && rows?.has(target) !== true);
    if (leaving.length < packMin || leaving.length < pack.targets.length * shareMax) {
      for (const [target, row] of membersOf(pack, ofRollout)) if (ofRollout.has(target)) inserted.push(row);
      continue;
    }
    unpacked.push(pack.id);
    for (const [target, row] of membersOf(pack, ofRollout)) if (rows?.has(target) !== true) loose.push(row);
  }
  return { loose, inserted, unpacked };
}

/** As they are after the step. A pack knows the cluster also of a target that has gone. */
function membersOf(
  { rolloutId, kind, targets, clusters, assignments }: OutcomePack,
  changed: ReadonlyMap<string, OutcomeToSave>,
): [string, OutcomeToSave][] {
  return targets.map((targetId, at) => {
    const clusterId = clusters[at]!;
    const after = changed.get(targetId);
    if (after !== undefined) return [targetId, { ...after, clusterId }];
    return [targetId, { rolloutId, targetId, clusterId, kind, assignment: assignments[at] ?? null }];
  });
}

function sortOut(outcomes: readonly OutcomeToSave[]): { alike: OutcomePack[]; alone: OutcomeToSave[] } {
  const alike: OutcomePack[] = [];
  const alone: OutcomeToSave[] = [];
  for (const group of groupsOf(outcomes)) {
    if (group.length < packMin) {
      alone.push(...group);
      continue;
    }
    const count = Math.ceil(group.length / packMax);
    const size = Math.ceil(group.length / count);
    for (let from = 0; from < group.length; from += size) alike.push(packOf(group.slice(from, from + size)));
  }
  return { alike, alone };
}

function packOf(members: readonly OutcomeToSave[]): OutcomePack {
  const { rolloutId, kind } = members[0]!;
  return {
    rolloutId,
    kind,
    targets: members.map(({ targetId }) => targetId),
    clusters: members.map(({ clusterId }) => clusterId),
    assignments: members.map(({ assignment }) => assignment),
  };
}

function groupsOf(outcomes: readonly OutcomeToSave[]): OutcomeToSave[][] {
  const groups: OutcomeToSave[][] = [];
  const known = new Map<string, OutcomeToSave[]>();
  let last: OutcomeToSave[] = [];
  for (const outcome of outcomes) {
    const [first] = last;
    if (first === undefined || first.kind !== outcome.kind || first.rolloutId !== outcome.rolloutId) {
      const key = `${outcome.rolloutId}${keyOf(outcome.kind)}`;
      last = known.get(key) ?? [];
      if (last.length === 0) {
        known.set(key, last);
        groups.push(last);
      }
    }
    last.push(outcome);
  }
  return groups;
}

function keyOf({ wave, outcome, reason, state }: OutcomeKind): string {
  return JSON.stringify([wave, outcome, reason, state]);
}

/** Of neighbours that are alike the kind is one object, and is spelt out once. */
class OutcomeKinds {
  #last: { of: TargetOutcome; kind: OutcomeKind } | null = null;

  of(outcome: TargetOutcome): OutcomeKind {
    if (this.#last !== null && isAlike(this.#last.of, outcome)) return this.#last.kind;
    const { wave, outcome: type, reason } = outcome;
    const state = JSON.stringify(outcomeDetail(outcome));
    const kind = { wave, outcome: type, reason: reason === '' ? null : reason, state };
    this.#last = { of: outcome, kind };
    return kind;
  }
}

function isAlike(a: TargetOutcome, b: TargetOutcome): boolean {
  return (
    a.wave === b.wave &&
    a.outcome === b.outcome &&
    a.reason === b.reason &&
    a.message === b.message &&
    a.revision === b.revision &&
    a.assignedAtMs === b.assignedAtMs &&
    a.echoedAtMs === b.echoedAtMs &&
    a.soakedMs === b.soakedMs &&
    a.healthyFromMs === b.healthyFromMs &&
    a.finishedAtMs === b.finishedAtMs &&
    a.regressedAtMs === b.regressedAtMs &&
    a.givenBefore === b.givenBefore
  );
}

/** Outcomes of packs as if each had its row. */
export function unpackedRows({ packs, own }: StoredOutcomes): OutcomeRow[] {
  return packs.flatMap(({ rolloutId, kind, targets, assignments }) => {
    const rows = own.get(rolloutId);
    const { wave, outcome, reason } = kind as Pick<OutcomeRow, 'wave' | 'outcome' | 'reason'>;
    const state = JSON.parse(kind.state) as OutcomeRow['state'];
    return targets.flatMap((targetId, at) => {
      if (rows?.has(targetId) === true) return [];
      return [{ rolloutId, targetId, wave, outcome, reason, assignment: assignments[at] ?? null, state }];
    });
  });
}
