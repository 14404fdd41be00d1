/** Between bytes and generated messages, with the codec's own error for what is not protobuf at all. */
import { type DescMessage, fromBinary, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import { create, toBinary } from '@bufbuild/protobuf';
import { messageBytesMax } from '../limits.ts';
import { WireError } from '../wireError.ts';

export function decodeBytes<Desc extends DescMessage>(schema: Desc, bytes: Uint8Array): MessageShape<Desc> {
  if (bytes.length > messageBytesMax) throw new WireError(schema.name, 'message too large');
  try {
    return fromBinary(schema, bytes, { readUnknownFields: false });
  } catch (cause) {
    throw new WireError(schema.name, 'not a message of this type', { cause });
  }
}

export function encodeBytes<Desc extends DescMessage>(
  schema: Desc,
  init: MessageInitShape<Desc>,
): Uint8Array {
  try {
    return toBinary(schema, create(schema, init));
  } catch (cause) {
    throw new WireError(schema.name, 'cannot be encoded', { cause });
  }
}
