import { expect, test } from 'vitest';
import type { KubeObject } from '@flotilla/domain/object/types';
import { fakeKube } from '../../test/fakeKube.ts';
import type { FakeKube } from '../../test/fakeKube.ts';
import { eventually } from '../../test/eventually.ts';
import { systemClock } from '../clock.ts';
import { KubeError } from './error.ts';
import { secretResource } from './resource.ts';
import { startWatch } from './watch.ts';

function secret(name: string, version: number): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'n', resourceVersion: String(version) },
  };
}

function watchOf(kube: FakeKube) {
  const heard: string[] = [];
  const watch = startWatch({
    kube,
    clock: systemClock(),
    random: () => 0,
    selection: { resource: secretResource, namespace: 'n' },
    listener: {
      begin: () => heard.push('begin'),
      object: (object) => heard.push(`object ${object.metadata.name}`),
      end: (version) => heard.push(`end ${version}`),
      changed: (object) => heard.push(`changed ${object.metadata.name}`),
      deleted: (object) => heard.push(`deleted ${object.metadata.name}`),
      failed: (error) => heard.push(`failed ${error.message}`),
    },
  });
  return { heard, watch };
}

function line(type: string, object: object): string {
  return `${JSON.stringify({ type, object })}\n`;
}

function versionsAsked(kube: FakeKube): (string | null)[] {
  return kube.streams.map((stream) => new URL(stream.path, 'https://x').searchParams.get('resourceVersion'));
}

test('everything is listed once and then followed, also where an event arrives in pieces', async () => {
  const kube = fakeKube();
  kube.objects.set('/api/v1/namespaces/n/secrets/a', secret('a', 1));
  const { heard, watch } = watchOf(kube);
  await eventually('a stream', () => kube.streams.length === 1);
  const text = line('MODIFIED', secret('a', 5)) + line('DELETED', secret('ü', 6));
  const bytes = [...text];
  kube.streams[0]?.push(bytes.slice(0, 30).join(''));
  kube.streams[0]?.push(bytes.slice(30).join(''));
  await eventually('both events', () => heard.length === 5);
  expect(heard).toEqual(['begin', 'object a', 'end 1', 'changed a', 'deleted ü']);
  await watch.stop();
});

test('a stream that ends is resumed from the last bookmark without listing', async () => {
  const kube = fakeKube();
  const { heard, watch } = watchOf(kube);
  await eventually('a stream', () => kube.streams.length === 1);
  kube.streams[0]?.push(line('BOOKMARK', { metadata: { resourceVersion: '70' } }));
  kube.streams[0]?.end();
  await eventually('the next stream', () => kube.streams.length === 2);
  expect(versionsAsked(kube)).toEqual(['1', '70']);
  expect(heard.filter((word) => word === 'begin').length).toBe(1);
  await watch.stop();
});

test('410 Gone lists again at once', async () => {
  const kube = fakeKube();
  const { heard, watch } = watchOf(kube);
  await eventually('a stream', () => kube.streams.length === 1);
  kube.version = 90;
  kube.streams[0]?.push(line('ERROR', { code: 410, reason: 'Expired', message: 'too old resource version' }));
  await eventually('the next stream', () => kube.streams.length === 2, 400);
  expect(versionsAsked(kube)).toEqual(['1', '90']);
  expect(heard.filter((word) => word === 'begin').length).toBe(2);
  await watch.stop();
});

test('a silent stream that is cut is told and resumed where it was', async () => {
  const kube = fakeKube();
  const { heard, watch } = watchOf(kube);
  await eventually('a stream', () => kube.streams.length === 1);
  kube.streams[0]?.fail(new KubeError('Unavailable', 'body timeout'));
  await eventually('the next stream', () => kube.streams.length === 2);
  expect(heard).toContain('failed body timeout');
  expect(versionsAsked(kube)).toEqual(['1', '1']);
  await watch.stop();
});
