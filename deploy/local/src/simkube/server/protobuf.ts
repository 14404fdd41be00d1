/**
 * Bodies in Kubernetes' protobuf form, which kubectl sends when it makes an object itself: they are read into what the same
 * request would be as JSON. Types are those of the kind's schema and numbers those of Kubernetes' own .proto files, so that
 * no library that works on descriptors would know more; answers are JSON, which every such client reads too.
 */
import { protobufNumbersOf } from '../schema/protobufNumbers.ts';
import { schemaOfKind, type ScalarSchema, type Schema } from '../schema/schema.ts';
import { gvkOf, type Json, type JsonObject } from '../types.ts';

type Wire = Buffer | bigint;

const magic = Buffer.from('k8s\0');
/** Bodies of requests that name the version of what they are sent to. */
const everywhere = ['DeleteOptions'];

/** Undefined for what is no such body, and for kinds that nobody serves. */
export function readProtobuf(body: Buffer): JsonObject | undefined {
  if (!body.subarray(0, 4).equals(magic)) return undefined;
  const envelope = wiresOf(body.subarray(4));
  const type = wiresOf(bytesOf(envelope.get(1)?.at(-1)));
  const apiVersion = textOf(type.get(1)?.at(-1));
  const kind = textOf(type.get(2)?.at(-1));
  const gvk = gvkOf({ apiVersion: everywhere.includes(kind) ? 'v1' : apiVersion, kind });
  const schema = schemaOfKind(gvk);
  if (schema?.typeName === undefined || protobufNumbersOf(schema.typeName) === undefined) return undefined;
  const content = readMessage(bytesOf(envelope.get(2)?.at(-1)), schema.typeName, schema);
  return { ...content, apiVersion, kind };
}

function readMessage(bytes: Buffer, typeName: string, schema: Schema): JsonObject {
  const message: JsonObject = {};
  const numbers = protobufNumbersOf(typeName) ?? {};
  for (const [number, wires] of wiresOf(bytes)) {
    const name = numbers[String(number)];
    if (Array.isArray(name)) {
      for (const wire of wires) Object.assign(message, readMessage(bytesOf(wire), name[0], schema));
      continue;
    }
    const field = schema.kind === 'struct' && name !== undefined ? schema.fields.get(name) : undefined;
    const value = field && valueOf(wires, field);
    // Go writes every text, also those that nobody has set.
    if (name !== undefined && value !== undefined && value !== '') message[name] = value;
  }
  return message;
}

/** All that one number of a message has. */
function valueOf(wires: readonly Wire[], schema: Schema): Json | undefined {
  if (schema.kind === 'list') return wires.map((wire) => single(wire, schema.element) ?? null);
  if (schema.kind === 'map') {
    const entries = wires.map((wire) => {
      const entry = wiresOf(bytesOf(wire));
      const value = entry.get(2)?.at(-1) ?? Buffer.alloc(0);
      return [textOf(entry.get(1)?.at(-1)), single(value, schema.element) ?? null] as const;
    });
    return Object.fromEntries(entries);
  }
  const last = wires.at(-1);
  return last === undefined ? undefined : single(last, schema);
}

function single(wire: Wire, schema: Schema): Json | undefined {
  switch (schema.kind) {
    case 'scalar':
      return scalarOf(wire, schema);
    case 'struct':
      return readMessage(bytesOf(wire), schema.typeName ?? '', schema);
    case 'untyped':
      return rawOf(wire);
    case 'list':
    case 'map':
      return valueOf([wire], schema);
  }
}

function scalarOf(wire: Wire, schema: ScalarSchema): Json | undefined {
  if (typeof wire === 'bigint') {
    if (schema.type === 'boolean') return wire !== 0n;
    return schema.type === 'number' ? doubleOf(wire) : Number(BigInt.asIntN(64, wire));
  }
  if (schema.typeName?.endsWith('.Time')) return timeOf(wire, 0);
  if (schema.typeName?.endsWith('.MicroTime')) return timeOf(wire, 6);
  if (schema.type === 'quantity') return textOf(wiresOf(wire).get(1)?.at(-1));
  if (schema.type === 'int-or-string') return intOrStringOf(wire);
  return schema.rules.format === 'byte' ? wire.toString('base64') : wire.toString('utf8');
}

/** Of eight bytes that were read as a number. */
function doubleOf(bits: bigint): number {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, bits));
  return bytes.readDoubleLE();
}

function timeOf(wire: Buffer, digits: number): string | undefined {
  const parts = wiresOf(wire);
  const seconds = numberOf(parts.get(1)?.at(-1));
  // The time that nobody has set.
  if (wire.length === 0 || seconds < 0) return undefined;
  const fraction =
    digits === 0
      ? ''
      : `.${String(numberOf(parts.get(2)?.at(-1)))
          .padStart(9, '0')
          .slice(0, digits)}`;
  return new Date(seconds * 1_000).toISOString().replace('.000Z', `${fraction}Z`);
}

function intOrStringOf(wire: Buffer): Json {
  const parts = wiresOf(wire);
  const isText = numberOf(parts.get(1)?.at(-1)) === 1;
  return isText ? textOf(parts.get(3)?.at(-1)) : numberOf(parts.get(2)?.at(-1));
}

/** JSON inside a message of one field. */
function rawOf(wire: Wire): Json | undefined {
  const raw = textOf(wiresOf(bytesOf(wire)).get(1)?.at(-1));
  return raw === '' ? undefined : (JSON.parse(raw) as Json);
}

function bytesOf(wire: Wire | undefined): Buffer {
  return Buffer.isBuffer(wire) ? wire : Buffer.alloc(0);
}

function textOf(wire: Wire | undefined): string {
  return bytesOf(wire).toString('utf8');
}

function numberOf(wire: Wire | undefined): number {
  return typeof wire === 'bigint' ? Number(BigInt.asIntN(64, wire)) : 0;
}

/** What a message holds, by number; what is cut off ends it. */
function wiresOf(bytes: Buffer): Map<number, Wire[]> {
  const wires = new Map<number, Wire[]>();
  let at = 0;
  const varint = (): bigint => {
    let result = 0n;
    for (let shift = 0n; at < bytes.length; shift += 7n) {
      const byte = bytes[at] ?? 0;
      at += 1;
      result |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return result;
  };
  const wireOf = (type: number): Wire => {
    if (type === 0) return varint();
    const length = type === 2 ? Number(varint()) : { 1: 8, 5: 4 }[type];
    const content = bytes.subarray(at, at + (length ?? bytes.length));
    at += length ?? bytes.length;
    return type === 1 && content.length === 8 ? content.readBigUInt64LE() : content;
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const number = tag >>> 3;
    const wire = wireOf(tag & 7);
    const list = wires.get(number);
    if (list) list.push(wire);
    else wires.set(number, [wire]);
  }
  return wires;
}
