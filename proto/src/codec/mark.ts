/** The parts that messages of both directions share: marks, entries, checkpoints, key slots. */
import type { AckedMark } from '@flotilla/domain/desired/mark';
import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  type Checkpoint as CheckpointWire,
  type CheckpointSchema,
  type Entry as EntryWire,
  KeySlot as KeySlotWire,
  type Mark as MarkWire,
  type MarkSchema,
} from '#gen/flotilla/agent/v1/control_pb.js';
import { longTextMax, messageBytesMax } from '../limits.ts';
import type { Checkpoint, KeySlot, WireEntry } from '../messages.ts';
import { WireError } from '../wireError.ts';
import {
  readBytes,
  readCount,
  readCounter,
  readDigest,
  readFilledBytes,
  readText,
  readTime,
  readUuid,
  writeCount,
  writeDigest,
  writeTime,
} from './read.ts';

export function readMarkOrNull(field: string, mark: MarkWire | undefined): AckedMark | null {
  if (mark === undefined) return null;
  return {
    epoch: readCount(`${field}.epoch`, mark.epoch),
    generation: readCount(`${field}.generation`, mark.generation),
    digest: readDigest(`${field}.digest`, mark.digest),
  };
}

/** Spread into a message: absent where there is none. */
export function writeMark(field: string, mark: AckedMark): MessageInitShape<typeof MarkSchema> {
  return {
    epoch: writeCount(`${field}.epoch`, mark.epoch),
    generation: writeCount(`${field}.generation`, mark.generation),
    digest: writeDigest(`${field}.digest`, mark.digest),
  };
}

/** A head may be as large as the message: above its limit it is refused by whoever accepts it, in so many words. */
export function readEntry(field: string, entry: EntryWire): WireEntry {
  return {
    target: readUuid(`${field}.target`, entry.target),
    head: readFilledBytes(`${field}.head`, entry.head, messageBytesMax),
  };
}

export function readCheckpoint(field: string, checkpoint: CheckpointWire): Checkpoint {
  return {
    seq: readCounter(`${field}.seq`, checkpoint.seq),
    hash: readDigest(`${field}.hash`, checkpoint.hash),
    at: readTime(`${field}.at`, checkpoint.at),
    signature: readBytes(`${field}.signature`, checkpoint.signature, longTextMax),
    keyId: readText(`${field}.keyId`, checkpoint.keyId),
  };
}

export function writeCheckpoint(
  field: string,
  checkpoint: Checkpoint,
): MessageInitShape<typeof CheckpointSchema> {
  return {
    seq: checkpoint.seq,
    hash: writeDigest(`${field}.hash`, checkpoint.hash),
    at: writeTime(checkpoint.at),
    signature: checkpoint.signature,
    keyId: checkpoint.keyId,
  };
}

export function readKeySlot(field: string, slot: KeySlotWire): KeySlot {
  switch (slot) {
    case KeySlotWire.CURRENT:
      return 'current';
    case KeySlotWire.NEXT:
      return 'next';
    case KeySlotWire.UNSPECIFIED:
      throw new WireError(field, 'no known key slot');
    default:
      throw new WireError(field, 'no known key slot');
  }
}

export function writeKeySlot(slot: KeySlot): KeySlotWire {
  return slot === 'current' ? KeySlotWire.CURRENT : KeySlotWire.NEXT;
}
