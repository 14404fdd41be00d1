/**
 * What an agent keeps, without a cluster and a volume: Secret, facts and bundles in memory. It outlives a simulated
 * restart as the real ones outlive a process. Texts and bundle bytes that agents of one process share are held once.
 */
import { randomUUID } from 'node:crypto';
import { decodeIndex, lackingFrames } from '@flotilla/domain/bundle/bundleIndex';
import { isFrame } from '@flotilla/domain/bundle/read';
import type { AckedMark } from '@flotilla/domain/desired/mark';
import { compareMarks } from '@flotilla/domain/desired/mark';
import type { Digest } from '@flotilla/domain/digest/sha256';
import type { Fact, FactBody } from '@flotilla/domain/status/observed';
import type { BundleStore } from '@flotilla/agent/state/bundles';
import type { FactRing } from '@flotilla/agent/state/facts';
import type { AgentSecret, SecretField } from '@flotilla/agent/state/secrets';
import { MarkWentBackError } from '@flotilla/agent/state/secrets';
import { sha256 } from '@flotilla/agent/state/sha256';

const texts = new Map<string, string>();

/** Roots and addresses are the same for every agent. */
function shared(text: string): string {
  const known = texts.get(text);
  if (known !== undefined) return known;
  texts.set(text, text);
  return text;
}

const sharedFields: ReadonlySet<string> = new Set(['trust-bundle', 'hub-id', 'grpc-url']);

export function memorySecret(): AgentSecret {
  const fields = new Map<SecretField, string>();
  let mark: AckedMark | null = null;
  return {
    get: (field) => fields.get(field) ?? null,
    update: (changes) => {
      for (const [name, value] of Object.entries(changes)) {
        const field = name as SecretField;
        if (value === null) fields.delete(field);
        else fields.set(field, sharedFields.has(name) ? shared(value) : value);
      }
      return Promise.resolve();
    },
    mark: () => mark,
    advanceMark: (offered) => {
      if (mark !== null && compareMarks(offered, mark) < 0)
        return Promise.reject(new MarkWentBackError(mark, offered));
      mark = { epoch: offered.epoch, generation: offered.generation, digest: offered.digest };
      return Promise.resolve();
    },
    sealKey: () => Buffer.alloc(32),
    reload: () => Promise.resolve(),
  };
}

const factsMax = 1000;

export function memoryFacts(nowMs: () => number): FactRing {
  let incarnation: string = randomUUID();
  let last = 0;
  let facts: Fact[] = [];
  const append = (body: FactBody): Promise<void> => {
    last += 1;
    facts.push({ number: last, at: new Date(nowMs()).toISOString(), ...body });
    if (facts.length > factsMax) {
      const dropped = facts.splice(0, factsMax / 10).length;
      return append({ type: 'Overflow', dropped });
    }
    return Promise.resolve();
  };
  return {
    incarnation: () => incarnation,
    lastNumber: () => last,
    append,
    pending: (countMax) => facts.slice(0, countMax),
    acked: (number) => {
      facts = facts.filter((fact) => fact.number > number);
      return Promise.resolve();
    },
    reincarnateIfBelow: (number) => {
      if (last >= number) return Promise.resolve();
      incarnation = randomUUID();
      facts = facts.map((fact, index) => ({ ...fact, number: index + 1 }));
      last = facts.length;
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}

/** Index bytes of every bundle that some agent of this process has. */
const indexes = new Map<Digest, Uint8Array>();

/**
 * Every agent fetches what it lacks itself, so that the hub serves as many fetches as to real ones; the bytes of frames
 * are checked and let go, since nothing here applies them.
 */
export function memoryBundles(): BundleStore {
  const complete = new Set<Digest>();
  const held = new Set<Digest>();
  const readIndex = (digest: Digest) => {
    const decoded = decodeIndex(indexes.get(digest) ?? new Uint8Array());
    return decoded.ok ? decoded.index : null;
  };
  return {
    isComplete: (digest) => complete.has(digest),
    heldFrames: () => held,
    putIndex: (digest, bytes) => {
      const decoded = decodeIndex(bytes);
      if (!decoded.ok) return Promise.resolve(decoded);
      if (!indexes.has(digest)) indexes.set(digest, bytes);
      return Promise.resolve({ ok: true, lacking: lackingFrames(decoded.index, held) });
    },
    putFrame: (frame, bytes) => {
      const isGood = isFrame(frame, bytes, sha256);
      if (isGood) held.add(frame.digest);
      return Promise.resolve(isGood);
    },
    finish: (digest) => {
      const index = readIndex(digest);
      const isWhole = index !== null && lackingFrames(index, held).length === 0;
      if (isWhole) complete.add(digest);
      return Promise.resolve(isWhole ? { ok: true } : { ok: false, reason: 'frames are missing' });
    },
    index: (digest) => Promise.resolve(readIndex(digest)),
    objects: () => {
      throw new Error('a simulated agent keeps no objects');
    },
    frame: () => Promise.resolve(null),
    collect: (needed) => {
      for (const digest of complete) if (!needed.has(digest)) complete.delete(digest);
      return Promise.resolve();
    },
  };
}
