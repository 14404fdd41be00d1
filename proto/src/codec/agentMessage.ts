/** What an agent sends on `Connect`, between bytes and `AgentMessage`. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  ConnectRequestSchema,
  type DesiredAck as DesiredAckWire,
  type DesiredNack as DesiredNackWire,
  type Holdings as HoldingsWire,
  NackReason as NackReasonWire,
  type Stored as StoredWire,
} from '#gen/flotilla/agent/v1/control_pb.js';
import { bodyBytesMax, csrBytesMax, entriesPerPartMax, indexBytesMax, longTextMax } from '../limits.ts';
import type { AgentMessage, DesiredAck, DesiredNack, Holdings, NackReason, Stored } from '../messages.ts';
import { WireError } from '../wireError.ts';
import { decodeBytes, encodeBytes } from './bytes.ts';
import { readHello, writeHello } from './hello.ts';
import { readEntry, readKeySlot, writeKeySlot } from './mark.ts';
import {
  readCount,
  readCounter,
  readDigest,
  readFilledBytes,
  readList,
  readShortText,
  readSize,
  readText,
  readUuid,
  writeCount,
  writeDigest,
} from './read.ts';

type MessageInit = NonNullable<MessageInitShape<typeof ConnectRequestSchema>['message']>;

const nackReasons: Record<NackReason, NackReasonWire> = {
  digest: NackReasonWire.DIGEST,
  size: NackReasonWire.SIZE,
  disk: NackReasonWire.DISK,
  malformed: NackReasonWire.MALFORMED,
  unspecified: NackReasonWire.UNSPECIFIED,
};

/** Throws `WireError`. A message of a kind that this version does not know is null: ignore it. */
export function decodeAgentMessage(bytes: Uint8Array): AgentMessage | null {
  const { message } = decodeBytes(ConnectRequestSchema, bytes);
  switch (message.case) {
    case 'hello':
      return { type: 'Hello', ...readHello(message.value) };
    case 'desiredAck':
      return { type: 'DesiredAck', ...readDesiredAck(message.value) };
    case 'desiredNack':
      return { type: 'DesiredNack', ...readDesiredNack(message.value) };
    case 'wantComplete':
      return { type: 'WantComplete', reason: readText('WantComplete.reason', message.value.reason) };
    case 'commandAck':
      return { type: 'CommandAck', commandId: readUuid('CommandAck.commandId', message.value.commandId) };
    case 'renew':
      return {
        type: 'Renew',
        csr: readFilledBytes('Renew.csr', message.value.csr, csrBytesMax),
        slot: readKeySlot('Renew.slot', message.value.slot),
      };
    case 'stored':
      return { type: 'Stored', stored: readStored(message.value) };
    case 'holdings':
      return { type: 'Holdings', ...readHoldings(message.value) };
    case undefined:
      return null;
  }
}

/** Throws `WireError` for what this side must not send. */
export function encodeAgentMessage(message: AgentMessage): Uint8Array {
  return encodeBytes(ConnectRequestSchema, { message: writeMessage(message) });
}

function writeMessage(message: AgentMessage): MessageInit {
  switch (message.type) {
    case 'Hello':
      return { case: 'hello', value: writeHello(message) };
    case 'DesiredAck':
      return { case: 'desiredAck', value: writeDesiredAck(message) };
    case 'DesiredNack':
      return { case: 'desiredNack', value: writeDesiredNack(message) };
    case 'WantComplete':
      return { case: 'wantComplete', value: { reason: message.reason.slice(0, longTextMax) } };
    case 'CommandAck':
      return { case: 'commandAck', value: { commandId: message.commandId } };
    case 'Renew':
      return { case: 'renew', value: { csr: message.csr, slot: writeKeySlot(message.slot) } };
    case 'Stored':
      return { case: 'stored', value: { what: writeStored(message.stored) } };
    case 'Holdings':
      return { case: 'holdings', value: writeHoldings(message) };
  }
}

function readDesiredAck(ack: DesiredAckWire): DesiredAck {
  return {
    epoch: readCount('DesiredAck.epoch', ack.epoch),
    generation: readCount('DesiredAck.generation', ack.generation),
    digest: readDigest('DesiredAck.digest', ack.digest),
    errors: readList('DesiredAck.errors', ack.errors, entriesPerPartMax, (field, error) => ({
      target: readUuid(`${field}.target`, error.target),
      reason: readText(`${field}.reason`, error.reason),
    })),
  };
}

function writeDesiredAck(ack: DesiredAck): MessageInitFor<'desiredAck'> {
  return {
    epoch: writeCount('DesiredAck.epoch', ack.epoch),
    generation: writeCount('DesiredAck.generation', ack.generation),
    digest: writeDigest('DesiredAck.digest', ack.digest),
    errors: ack.errors.map(({ target, reason }) => ({ target, reason: reason.slice(0, longTextMax) })),
  };
}

function readDesiredNack(nack: DesiredNackWire): DesiredNack {
  return {
    epoch: readCount('DesiredNack.epoch', nack.epoch),
    generation: readCount('DesiredNack.generation', nack.generation),
    reason: readNackReason(nack.reason),
    detail: readText('DesiredNack.detail', nack.detail),
  };
}

function writeDesiredNack(nack: DesiredNack): MessageInitFor<'desiredNack'> {
  return {
    epoch: writeCount('DesiredNack.epoch', nack.epoch),
    generation: writeCount('DesiredNack.generation', nack.generation),
    reason: nackReasons[nack.reason],
    detail: nack.detail.slice(0, longTextMax),
  };
}

/** A reason of a newer agent is `unspecified`: the nack itself is what counts. */
function readNackReason(wire: NackReasonWire): NackReason {
  for (const [reason, value] of Object.entries(nackReasons)) {
    if (value === wire) return reason as NackReason;
  }
  return 'unspecified';
}

function readStored({ what }: StoredWire): Stored {
  switch (what.case) {
    case 'trustBundleVersion':
      return {
        what: 'trustBundle',
        version: readSize('Stored.trustBundleVersion', what.value, 0x7fffffff),
      };
    case 'checkpointSeq':
      return { what: 'checkpoint', seq: readCounter('Stored.checkpointSeq', what.value) };
    case 'certificateSerial':
      return { what: 'certificate', serial: readShortText('Stored.certificateSerial', what.value) };
    case undefined:
      throw new WireError('Stored.what', 'is missing');
  }
}

function writeStored(stored: Stored): NonNullable<MessageInitFor<'stored'>['what']> {
  switch (stored.what) {
    case 'trustBundle':
      return { case: 'trustBundleVersion', value: BigInt(stored.version) };
    case 'checkpoint':
      return { case: 'checkpointSeq', value: stored.seq };
    case 'certificate':
      return { case: 'certificateSerial', value: stored.serial };
  }
}

function readHoldings(holdings: HoldingsWire): Holdings {
  return {
    entries: readList('Holdings.entries', holdings.entries, entriesPerPartMax, readEntry),
    bodies: readList('Holdings.bodies', holdings.bodies, entriesPerPartMax, (field, body) =>
      readFilledBytes(field, body, bodyBytesMax),
    ),
    bundles: readList('Holdings.bundles', holdings.bundles, entriesPerPartMax, (field, bundle) => ({
      digest: readDigest(`${field}.digest`, bundle.digest),
      index: readFilledBytes(`${field}.index`, bundle.index, indexBytesMax),
    })),
    last: holdings.last,
  };
}

function writeHoldings(holdings: Holdings): MessageInitFor<'holdings'> {
  return {
    entries: holdings.entries,
    bodies: holdings.bodies,
    bundles: holdings.bundles.map(({ digest, index }) => ({
      digest: writeDigest('Holdings.bundles.digest', digest),
      index,
    })),
    last: holdings.last,
  };
}

/** The literal form of one case's value: what `create` takes, without the generated message's own marker. */
type MessageInitFor<Case extends string> = Exclude<
  Extract<MessageInit, { case: Case }> extends { value: infer Value } ? Value : never,
  { $typeName: string }
>;
