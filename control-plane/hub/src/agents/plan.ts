/** What to send to an agent so that it holds what the hub wants: pure, from rows. */
import { compareMarks, type AckedMark } from '@flotilla/domain/desired/mark';
import { rootDigest, type DesiredMessage } from '@flotilla/domain/desired/set';
import type { Digest, Sha256 } from '@flotilla/domain/digest/sha256';

/** An entry of the cluster's set, without its bytes. */
export interface EntryDigests {
  target: string;
  headDigest: Digest;
  bodyDigest: Digest;
}

export interface WantedEntry extends EntryDigests {
  /** The cluster's generation that last changed it. */
  generation: number;
}

/** What the agent is known to hold. */
export interface Base {
  mark: AckedMark;
  /** Null: only its digest is known; what changed since is above its generation. */
  entries: ReadonlyMap<string, EntryDigests> | null;
}

export interface PlanInput {
  /** Null: lost, or not to be built on. */
  base: Base | null;
  epoch: number;
  generation: number;
  wanted: readonly WantedEntry[];
}

export interface Plan {
  mark: AckedMark;
  complete: boolean;
  baseGeneration: number;
  /** Targets whose heads are to be sent. */
  upserts: string[];
  removals: string[];
}

/** Null: the agent holds exactly this. */
export function planDesired({ base, epoch, generation, wanted }: PlanInput, sha256: Sha256): Plan | null {
  const mark = { epoch, generation, digest: rootDigest(wanted, sha256) };
  const usable =
    base !== null && base.mark.epoch === epoch && base.mark.generation <= generation ? base : null;
  if (usable === null) {
    return {
      mark,
      complete: true,
      baseGeneration: 0,
      upserts: wanted.map(({ target }) => target),
      removals: [],
    };
  }
  if (compareMarks(usable.mark, mark) === 0)
    return usable.mark.digest === mark.digest ? null : completeOf(mark, wanted);
  const { entries } = usable;
  const isChanged = (entry: WantedEntry): boolean =>
    entries === null
      ? entry.generation > usable.mark.generation
      : entries.get(entry.target)?.headDigest !== entry.headDigest;
  const kept = new Set(wanted.map(({ target }) => target));
  return {
    mark,
    complete: false,
    baseGeneration: usable.mark.generation,
    upserts: wanted.filter(isChanged).map(({ target }) => target),
    removals: entries === null ? [] : [...entries.keys()].filter((target) => !kept.has(target)),
  };
}

/** The same generation with another digest cannot be a delta, and is never accepted as one. */
function completeOf(mark: AckedMark, wanted: readonly WantedEntry[]): Plan {
  return {
    mark,
    complete: true,
    baseGeneration: 0,
    upserts: wanted.map(({ target }) => target),
    removals: [],
  };
}

/** Digests of the bodies to send: those of upserts that the agent does not hold and this stream has not carried. */
export function bodiesToSend(
  plan: Plan,
  wanted: readonly WantedEntry[],
  base: Base | null,
  sentBodies: ReadonlySet<Digest>,
): Digest[] {
  const upserts = new Set(plan.upserts);
  const needed = new Set(
    wanted.filter(({ target }) => upserts.has(target)).map(({ bodyDigest }) => bodyDigest),
  );
  if (plan.complete) return [...needed];
  const held = new Set([...(base?.entries?.values() ?? [])].map(({ bodyDigest }) => bodyDigest));
  return [...needed].filter((digest) => !held.has(digest) && !sentBodies.has(digest));
}

export function messageOf(
  plan: Plan,
  content: { heads: ReadonlyMap<string, Uint8Array>; bodies: Uint8Array[] },
): DesiredMessage {
  const { mark, complete, baseGeneration, removals } = plan;
  const upserts = plan.upserts.map((target) => {
    const head = content.heads.get(target);
    if (head === undefined) throw new Error(`no head of target ${target}`);
    return { target, head };
  });
  return { ...mark, complete, baseGeneration, removals, upserts, bodies: content.bodies };
}

/** How long to wait after the n-th nack in a row. */
export function nackBackoffMs(nacks: number): number {
  return Math.min(300_000, 5000 * 2 ** Math.max(0, nacks - 1));
}
