import { expect, test } from 'vitest';
import { readProtobuf } from './protobuf.ts';

function field(number: number, content: Buffer | string): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), bytes]);
}

function bodyOf(apiVersion: string, kind: string, ...fields: Buffer[]): Buffer {
  const type = field(1, Buffer.concat([field(1, apiVersion), field(2, kind)]));
  return Buffer.concat([Buffer.from('k8s\0'), type, field(2, Buffer.concat(fields))]);
}

test('a ConfigMap in protobuf is what it would be in JSON', () => {
  const entry = (key: string, value: string) => field(2, Buffer.concat([field(1, key), field(2, value)]));
  const metadata = field(1, Buffer.concat([field(1, 'c'), field(3, 'shop')]));
  const body = bodyOf('v1', 'ConfigMap', metadata, entry('a', '1'), entry('b', ''));
  expect(readProtobuf(body)).toEqual({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'c', namespace: 'shop' },
    data: { a: '1', b: '' },
  });
});

test('what Go embeds is beside the fields of its owner, and numbers, times and quantities are what JSON has', () => {
  const number = (at: number, ...varint: number[]) => Buffer.from([at * 8, ...varint]);
  const port = Buffer.concat([number(1, 0), number(2, 80)]);
  const handler = field(2, field(2, port));
  const probe = Buffer.concat([field(1, handler), number(2, 5)]);
  const limits = Buffer.concat([field(1, 'cpu'), field(2, field(1, '250m'))]);
  const container = Buffer.concat([field(1, 'main'), field(8, field(1, limits)), field(10, probe)]);
  const minusOne = [...Array<number>(9).fill(0xff), 0x01];
  const spec = Buffer.concat([field(2, container), number(5, ...minusOne)]);
  const metadata = Buffer.concat([field(1, 'p'), field(8, number(1, 0x80, 0xa3, 0x05))]);
  const body = bodyOf('v1', 'Pod', field(1, metadata), field(2, spec));
  expect(readProtobuf(body)).toEqual({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', creationTimestamp: '1970-01-02T00:00:00Z' },
    spec: {
      activeDeadlineSeconds: -1,
      containers: [
        {
          name: 'main',
          resources: { limits: { cpu: '250m' } },
          livenessProbe: { httpGet: { port: 80 }, initialDelaySeconds: 5 },
        },
      ],
    },
  });
});

test('a kind that nobody serves is not guessed', () => {
  expect(readProtobuf(bodyOf('shop.example/v1', 'Order'))).toBeUndefined();
  expect(readProtobuf(Buffer.from('{}'))).toBeUndefined();
});
