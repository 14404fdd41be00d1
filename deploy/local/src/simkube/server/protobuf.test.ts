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

test('a kind whose fields nobody told us of is not guessed', () => {
  expect(readProtobuf(bodyOf('apps/v1', 'Deployment'))).toBeUndefined();
  expect(readProtobuf(Buffer.from('{}'))).toBeUndefined();
});
