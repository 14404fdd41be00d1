/**
 * Digests that no version may change: entries, sets and bundles with their inputs, as committed in `proto/vectors`. Every
 * function here goes from the inputs of a vector to its outputs; `writeVectors.ts` makes the files once.
 */
import { buildBundle } from '@flotilla/domain/bundle/bundle';
import { encodeIndex } from '@flotilla/domain/bundle/bundleIndex';
import { canonicalText } from '@flotilla/domain/bundle/canonical';
import { encodeBody, encodeHead } from '@flotilla/domain/desired/encode';
import type { Body, Head } from '@flotilla/domain/desired/entry';
import { rootDigest } from '@flotilla/domain/desired/set';
import { type Digest, toHex } from '@flotilla/domain/digest/sha256';
import type { KubeObject } from '@flotilla/domain/object/types';
import { hash } from 'node:crypto';
import { observedDigest } from './observedDigest.ts';

export interface EntryVector {
  name: string;
  head: Head;
  body: Body;
  headBytes: string;
  headDigest: Digest;
  bodyBytes: string;
  bodyDigest: Digest;
}

export interface SetVector {
  name: string;
  entries: { target: string; headDigest: Digest; bodyDigest: Digest }[];
  digest: Digest;
}

export interface ObservedVector {
  name: string;
  states: { target: string; state: string }[];
  digest: Digest | null;
}

export interface BundleVector {
  name: string;
  /** Canonical JSON of each object, in any order. */
  objects: string[];
  digest: Digest;
  bytes: number;
  indexDigest: Digest;
  frames: { digest: Digest; bytes: number }[];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function entryVector(name: string, head: Omit<Head, 'body'>, body: Body): EntryVector {
  const bodyBytes = encodeBody(body);
  const bodyDigest = digestOf(bodyBytes);
  const whole: Head = { ...head, body: bodyDigest };
  const headBytes = encodeHead(whole);
  return {
    name,
    head: whole,
    body,
    headBytes: decoder.decode(headBytes),
    headDigest: digestOf(headBytes),
    bodyBytes: decoder.decode(bodyBytes),
    bodyDigest,
  };
}

export function setVector(name: string, entries: SetVector['entries']): SetVector {
  return { name, entries, digest: rootDigest(entries, sha256) };
}

export function observedVector(name: string, states: ObservedVector['states']): ObservedVector {
  const acked = states.map(({ target, state }) => ({ target, digest: digestOf(encoder.encode(state)) }));
  return { name, states, digest: observedDigest(acked, sha256) };
}

/** Throws where the objects make no bundle: a vector is always of good input. */
export function bundleVector(name: string, objects: readonly KubeObject[]): BundleVector {
  const built = buildBundle(
    objects.map((object, index) => ({ object, source: `${name}#${String(index)}` })),
    sha256,
  );
  if (!built.ok) throw new Error(`vector ${name} makes no bundle: ${built.error.problem}`);
  const { index } = built.bundle;
  return {
    name,
    objects: objects.map((object) => canonicalText(object)),
    digest: index.digest,
    bytes: index.bytes,
    indexDigest: digestOf(encodeIndex(index)),
    frames: index.frames.map(({ digest, bytes }) => ({ digest, bytes })),
  };
}

function sha256(bytes: Uint8Array): Uint8Array {
  return hash('sha256', bytes, 'buffer');
}

function digestOf(bytes: Uint8Array): Digest {
  return toHex(sha256(bytes));
}
