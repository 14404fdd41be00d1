/**
 * Bodies that kubectl sends in Kubernetes' protobuf form, for the few kinds of which it does so: they are read into what
 * the same request would be as JSON. The numbers are those of the fields in Kubernetes' published .proto files.
 */
import type { JsonObject, Json } from '../types.ts';

type Shape = { [number: number]: [name: string, type: FieldType] };
type FieldType = 'string' | 'bytes' | 'int' | 'bool' | 'strings' | 'map' | 'bytesMap' | { one: Shape };

const metadata: Shape = {
  1: ['name', 'string'],
  2: ['generateName', 'string'],
  3: ['namespace', 'string'],
  5: ['uid', 'string'],
  6: ['resourceVersion', 'string'],
  11: ['labels', 'map'],
  12: ['annotations', 'map'],
  14: ['finalizers', 'strings'],
};

const accessReview: Shape = {
  1: [
    'resourceAttributes',
    {
      one: {
        1: ['namespace', 'string'],
        2: ['verb', 'string'],
        3: ['group', 'string'],
        4: ['version', 'string'],
        5: ['resource', 'string'],
        6: ['subresource', 'string'],
        7: ['name', 'string'],
      },
    },
  ],
  2: ['nonResourceAttributes', { one: { 1: ['path', 'string'], 2: ['verb', 'string'] } }],
};

const head: Shape = { 1: ['metadata', { one: metadata }] };

const shapes: Record<string, Shape> = {
  Namespace: head,
  ServiceAccount: head,
  ConfigMap: { ...head, 2: ['data', 'map'], 3: ['binaryData', 'bytesMap'], 4: ['immutable', 'bool'] },
  Secret: {
    ...head,
    2: ['data', 'bytesMap'],
    3: ['type', 'string'],
    4: ['stringData', 'map'],
    5: ['immutable', 'bool'],
  },
  SelfSubjectReview: head,
  SelfSubjectAccessReview: { ...head, 2: ['spec', { one: accessReview }] },
  SelfSubjectRulesReview: { ...head, 2: ['spec', { one: { 1: ['namespace', 'string'] } }] },
  TokenRequest: {
    ...head,
    2: ['spec', { one: { 1: ['audiences', 'strings'], 4: ['expirationSeconds', 'int'] } }],
  },
  DeleteOptions: {
    1: ['gracePeriodSeconds', 'int'],
    2: ['preconditions', { one: { 1: ['uid', 'string'], 2: ['resourceVersion', 'string'] } }],
    3: ['orphanDependents', 'bool'],
    4: ['propagationPolicy', 'string'],
    5: ['dryRun', 'strings'],
  },
};

const magic = Buffer.from('k8s\0');
const envelope: Shape = {
  1: ['type', { one: { 1: ['apiVersion', 'string'], 2: ['kind', 'string'] } }],
  2: ['raw', 'bytes'],
};

/** Undefined for what is no such body, and for kinds that are not among these. */
export function readProtobuf(body: Buffer): JsonObject | undefined {
  if (!body.subarray(0, 4).equals(magic)) return undefined;
  const { type, raw } = readMessage(body.subarray(4), envelope) as {
    type?: { apiVersion?: string; kind?: string };
    raw?: string;
  };
  const shape = shapes[type?.kind ?? ''];
  if (shape === undefined) return undefined;
  const content = readMessage(Buffer.from(raw ?? '', 'base64'), shape);
  return { apiVersion: type?.apiVersion ?? '', kind: type?.kind ?? '', ...content };
}

function readMessage(bytes: Buffer, shape: Shape): JsonObject {
  const message: JsonObject = {};
  for (const { number, value } of fieldsOf(bytes)) {
    const field = shape[number];
    if (field !== undefined) put(message, field[0], field[1], value);
  }
  return message;
}

function put(message: JsonObject, name: string, type: FieldType, value: Buffer | number): void {
  if (typeof value === 'number') {
    message[name] = type === 'bool' ? value === 1 : value;
    return;
  }
  if (typeof type === 'object') message[name] = readMessage(value, type.one);
  else if (type === 'strings') message[name] = [...((message[name] ?? []) as Json[]), value.toString('utf8')];
  else if (type === 'map' || type === 'bytesMap') {
    const entry = readMessage(value, {
      1: ['key', 'string'],
      2: ['value', type === 'map' ? 'string' : 'bytes'],
    });
    message[name] = {
      ...((message[name] ?? {}) as JsonObject),
      [String(entry['key'] ?? '')]: entry['value'] ?? '',
    };
  } else if (value.length > 0) message[name] = value.toString(type === 'bytes' ? 'base64' : 'utf8');
}

interface WireField {
  number: number;
  value: Buffer | number;
}

function* fieldsOf(bytes: Buffer): Generator<WireField> {
  let at = 0;
  const varint = (): number => {
    let result = 0;
    for (let scale = 1; at < bytes.length; scale *= 128) {
      const byte = bytes[at] ?? 0;
      at += 1;
      result += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    return result;
  };
  while (at < bytes.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    const wire = tag % 8;
    if (wire === 0) yield { number, value: varint() };
    else if (wire === 2) {
      const length = varint();
      yield { number, value: bytes.subarray(at, at + length) };
      at += length;
    } else at += wire === 1 ? 8 : 4;
  }
}
