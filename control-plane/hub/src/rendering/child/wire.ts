/**
 * What goes between the hub and a renderer: messages of a header (JSON) and bytes, each with its length before it. The hub
 * believes nothing of what comes back: lengths are bounded, and digests are checked against the bytes.
 */

import type { ClusterValues, Reads } from '@flotilla/domain/template/cluster';
import type { Override } from '@flotilla/domain/variant/override';

export interface RenderRequestHeader {
  sources: {
    path: string;
    directory: { recurse: boolean; include: string[]; exclude: string[] };
    /** Left out: its files are taken as they are. */
    template?: SourceTemplate;
    frames: number[];
  }[];
  /** Left out: what comes of the files is the same for all clusters, and one reply answers. */
  variants?: VariantsAsked;
}

export interface SourceTemplate {
  /** Template of the folder below the source's path that is a cluster's own; null: the path itself. */
  below: string | null;
}

/** Each cluster needs one that none of the answered ones is. */
export interface VariantsAsked {
  overrides: readonly Override[];
  clusters: readonly ClusterValues[];
}

/** `index` and `frames` are lengths, in the order in which the bytes follow. */
export type RenderReplyHeader =
  | { ok: true; index: number; frames: number[] }
  | { ok: false; problems: { file: string; document: number; line: number; message: string }[] };

/** Those of the first clusters at least; the others are asked for again. */
export interface VariantsReplyHeader {
  variants: (RenderReplyHeader & { reads: Reads })[];
}

export class WireError extends Error {
  override readonly name = 'WireError';
}

const prefixBytes = 8;

/** Lengths of header and bytes, header, bytes. */
export function encodeMessage(header: object, bytes: readonly Uint8Array[]): Uint8Array[] {
  const head = Buffer.from(JSON.stringify(header));
  const prefix = Buffer.alloc(prefixBytes);
  prefix.writeUInt32BE(head.byteLength, 0);
  prefix.writeUInt32BE(
    bytes.reduce((sum, part) => sum + part.byteLength, 0),
    4,
  );
  return [prefix, head, ...bytes];
}

/** Collects chunks into messages. */
export class MessageReader {
  readonly #bytesMax: number;
  #chunks: Buffer[] = [];
  #size = 0;
  #wanted = prefixBytes;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Messages that are complete with this chunk. @throws WireError over the limit or on a header that is no JSON */
  push(chunk: Buffer): { header: unknown; bytes: Buffer }[] {
    this.#chunks.push(chunk);
    this.#size += chunk.byteLength;
    const messages: { header: unknown; bytes: Buffer }[] = [];
    while (this.#size >= this.#wanted) {
      const message = this.#take();
      if (message !== null) messages.push(message);
    }
    return messages;
  }

  #take(): { header: unknown; bytes: Buffer } | null {
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all];
    const headLength = all.readUInt32BE(0);
    const total = prefixBytes + headLength + all.readUInt32BE(4);
    if (total > this.#bytesMax) throw new WireError(`a message of more than ${this.#bytesMax} bytes`);
    this.#wanted = total;
    if (all.byteLength < total) return null;
    const header = parseHeader(all.toString('utf8', prefixBytes, prefixBytes + headLength));
    const bytes = all.subarray(prefixBytes + headLength, total);
    this.#chunks = [all.subarray(total)];
    this.#size = all.byteLength - total;
    this.#wanted = prefixBytes;
    return { header, bytes };
  }
}

function parseHeader(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new WireError('a header that is no JSON', { cause });
  }
}

/** The parts of a message's bytes, by their lengths. @throws WireError when they do not add up */
export function cut(bytes: Buffer, lengths: readonly number[]): Buffer[] {
  let at = 0;
  const parts = lengths.map((length) => {
    const part = bytes.subarray(at, at + length);
    at += length;
    return part;
  });
  if (at !== bytes.byteLength) throw new WireError('parts that do not add up');
  return parts;
}
