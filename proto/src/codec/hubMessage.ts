/** What a hub sends on `Connect`, between bytes and `HubMessage`. */
import type { DesiredPart } from '@flotilla/domain/desired/parts';
import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  ConnectResponseSchema,
  type Desired as DesiredWire,
  RefusedReason as RefusedReasonWire,
  type Welcome as WelcomeWire,
} from '#gen/flotilla/agent/v1/control_pb.js';
import {
  certificatesMax,
  certificateTextMax,
  desiredPartsMax,
  entriesPerPartMax,
  longTextMax,
  messageBytesMax,
} from '../limits.ts';
import type { HubMessage, RefusedReason, Welcome } from '../messages.ts';
import { WireError } from '../wireError.ts';
import { decodeBytes, encodeBytes } from './bytes.ts';
import { readCommand, writeCommand } from './command.ts';
import {
  readCheckpoint,
  readEntry,
  readKeySlot,
  readMarkOrNull,
  writeCheckpoint,
  writeKeySlot,
  writeMark,
} from './mark.ts';
import {
  readCount,
  readCounter,
  readDelayMs,
  readDigest,
  readDigestOrNull,
  readFilledBytes,
  readList,
  readPresent,
  readSize,
  readText,
  readTime,
  readUuid,
  writeCount,
  writeDigest,
  writeTime,
} from './read.ts';

type MessageInit = NonNullable<MessageInitShape<typeof ConnectResponseSchema>['message']>;

const refusedReasons: Record<RefusedReason, RefusedReasonWire> = {
  revoked: RefusedReasonWire.REVOKED,
  quarantined: RefusedReasonWire.QUARANTINED,
  version: RefusedReasonWire.VERSION,
  unknown: RefusedReasonWire.UNKNOWN,
  displaced: RefusedReasonWire.DISPLACED,
  unspecified: RefusedReasonWire.UNSPECIFIED,
};

/** Throws `WireError`. A message of a kind that this version does not know is null: ignore it. */
export function decodeHubMessage(bytes: Uint8Array): HubMessage | null {
  const { message } = decodeBytes(ConnectResponseSchema, bytes);
  switch (message.case) {
    case 'welcome':
      return { type: 'Welcome', ...readWelcome(message.value) };
    case 'desired':
      return { type: 'Desired', ...readDesired(message.value) };
    case 'command':
      return { type: 'Command', ...readCommand(message.value) };
    case 'certificate':
      return {
        type: 'Certificate',
        chain: readText('Certificate.chain', message.value.chain, certificateTextMax),
        slot: readKeySlot('Certificate.slot', message.value.slot),
      };
    case 'rotateKey':
      return { type: 'RotateKey', reason: readText('RotateKey.reason', message.value.reason) };
    case 'trustBundle':
      return {
        type: 'TrustBundle',
        version: readSize('TrustBundle.version', message.value.version, 0x7fffffff),
        certificates: readList(
          'TrustBundle.certificates',
          message.value.certificates,
          certificatesMax,
          readPem,
        ),
      };
    case 'checkpoint':
      return { type: 'Checkpoint', checkpoint: readCheckpoint('Checkpoint', message.value) };
    case 'drain':
      return { type: 'Drain', retryAfterMs: readDelayMs('Drain.retryAfterMs', message.value.retryAfterMs) };
    case 'refused':
      return {
        type: 'Refused',
        reason: readRefusedReason(message.value.reason),
        retryAfterMs: readDelayMs('Refused.retryAfterMs', message.value.retryAfterMs),
        detail: readText('Refused.detail', message.value.detail),
      };
    case undefined:
      return null;
  }
}

/** Of a Desired message that does not decode: whatever it says of its generation, so that it can be nacked. */
export function decodeBrokenDesired(bytes: Uint8Array): { epoch: number; generation: number } | null {
  try {
    const { message } = decodeBytes(ConnectResponseSchema, bytes);
    if (message.case !== 'desired') return null;
    return {
      epoch: readCount('Desired.epoch', message.value.epoch),
      generation: readCount('Desired.generation', message.value.generation),
    };
  } catch (error) {
    if (error instanceof WireError) return null;
    throw error;
  }
}

/** Throws `WireError` for what this side must not send. The bytes may be written to any number of streams. */
export function encodeHubMessage(message: HubMessage): Uint8Array {
  return encodeBytes(ConnectResponseSchema, { message: writeMessage(message) });
}

function writeMessage(message: HubMessage): MessageInit {
  switch (message.type) {
    case 'Welcome':
      return { case: 'welcome', value: writeWelcome(message) };
    case 'Desired':
      return { case: 'desired', value: writeDesired(message) };
    case 'Command':
      return { case: 'command', value: writeCommand(message) };
    case 'Certificate':
      return { case: 'certificate', value: { chain: message.chain, slot: writeKeySlot(message.slot) } };
    case 'RotateKey':
      return { case: 'rotateKey', value: { reason: message.reason.slice(0, longTextMax) } };
    case 'TrustBundle':
      return {
        case: 'trustBundle',
        value: { version: BigInt(message.version), certificates: message.certificates },
      };
    case 'Checkpoint':
      return { case: 'checkpoint', value: writeCheckpoint('Checkpoint', message.checkpoint) };
    case 'Drain':
      return { case: 'drain', value: { retryAfterMs: BigInt(message.retryAfterMs) } };
    case 'Refused':
      return {
        case: 'refused',
        value: {
          reason: refusedReasons[message.reason],
          retryAfterMs: BigInt(message.retryAfterMs),
          detail: message.detail.slice(0, longTextMax),
        },
      };
  }
}

function readWelcome(welcome: WelcomeWire): Welcome {
  const intervals = welcome.intervals;
  return {
    fence: readCounter('Welcome.fence', welcome.fence),
    hubId: readUuid('Welcome.hubId', welcome.hubId),
    standby: welcome.standby,
    recovering: welcome.recovering,
    intervals: {
      reportDebounceMs: readDelayMs('Welcome.intervals', intervals?.reportDebounceMs ?? 0),
      heartbeatMs: readDelayMs('Welcome.intervals', intervals?.heartbeatMs ?? 0),
      fullCheckMs: readDelayMs('Welcome.intervals', intervals?.fullCheckMs ?? 0),
    },
    factNumber: readCounter('Welcome.factNumber', welcome.factNumber),
    trustBundleVersion: readSize('Welcome.trustBundleVersion', welcome.trustBundleVersion, 0x7fffffff),
    mark: readMarkOrNull('Welcome.mark', welcome.mark),
    clock: readTime('Welcome.clock', welcome.clock),
    observedDigest: readDigestOrNull('Welcome.observedDigest', welcome.observedDigest),
  };
}

function writeWelcome(welcome: Welcome) {
  return {
    fence: welcome.fence,
    hubId: welcome.hubId,
    standby: welcome.standby,
    recovering: welcome.recovering,
    intervals: welcome.intervals,
    factNumber: welcome.factNumber,
    trustBundleVersion: BigInt(welcome.trustBundleVersion),
    ...(welcome.mark && { mark: writeMark('Welcome.mark', welcome.mark) }),
    clock: writeTime(welcome.clock),
    ...(welcome.observedDigest !== null && {
      observedDigest: writeDigest('Welcome.observedDigest', welcome.observedDigest),
    }),
  };
}

function readDesired(desired: DesiredWire): DesiredPart {
  const parts = readSize('Desired.parts', readPresent('Desired.parts', desired.parts), desiredPartsMax);
  const part = readSize('Desired.part', desired.part, desiredPartsMax);
  if (part < 1 || part > parts) throw new WireError('Desired.part', 'not between 1 and the number of parts');
  return {
    epoch: readCount('Desired.epoch', desired.epoch),
    generation: readCount('Desired.generation', desired.generation),
    baseGeneration: readCount('Desired.baseGeneration', desired.baseGeneration),
    part,
    parts,
    upserts: readList('Desired.upserts', desired.upserts, entriesPerPartMax, readEntry),
    bodies: readList('Desired.bodies', desired.bodies, entriesPerPartMax, (field, body) =>
      readFilledBytes(field, body, messageBytesMax),
    ),
    removals: readList('Desired.removals', desired.removals, entriesPerPartMax, readUuid),
    digest: readDigest('Desired.digest', desired.digest),
    complete: desired.complete,
  };
}

function writeDesired(desired: DesiredPart) {
  return {
    epoch: writeCount('Desired.epoch', desired.epoch),
    generation: writeCount('Desired.generation', desired.generation),
    baseGeneration: writeCount('Desired.baseGeneration', desired.baseGeneration),
    part: desired.part,
    parts: desired.parts,
    upserts: desired.upserts,
    bodies: desired.bodies,
    removals: desired.removals,
    digest: writeDigest('Desired.digest', desired.digest),
    complete: desired.complete,
  };
}

function readPem(field: string, certificate: string): string {
  return readText(field, certificate, certificateTextMax);
}

/** A reason of a newer hub is `unspecified`: the refusal itself is what counts. */
function readRefusedReason(wire: RefusedReasonWire): RefusedReason {
  for (const [reason, value] of Object.entries(refusedReasons)) {
    if (value === wire) return reason as RefusedReason;
  }
  return 'unspecified';
}
