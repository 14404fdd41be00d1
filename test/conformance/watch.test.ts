/** Watches: every change once and in order, from where the client says, until the time is up. */
import { describe, expect, test } from 'vitest';
import type { Json } from './src/json.ts';
import { openKube } from './src/kube.ts';
import { configMap } from './src/objects.ts';

const kube = openKube('watch');

function watchPath(query: string): string {
  return `${kube.at('configmaps')}?watch=1&${query}`;
}

function labelled(name: string, labels: Record<string, string>, data = { a: '1' }): Json {
  return configMap(name, data, { labels });
}

function selector(text: string): string {
  return `labelSelector=${encodeURIComponent(text)}`;
}

async function versionNow(): Promise<string> {
  return (await kube.read(`${kube.at('configmaps')}?limit=1`)).metadata.resourceVersion;
}

describe('a watch', () => {
  test('tells what was made, changed and deleted in order, with rising versions', async () => {
    const stream = await kube.watch(
      watchPath(`${selector('case=order')}&resourceVersion=${await versionNow()}`),
    );
    const made = await kube.create('configmaps', labelled('order', { case: 'order' }));
    const changed = await kube.done(
      kube.patch('merge', kube.at('configmaps', 'order'), { data: { a: '2' } }),
    );
    await kube.done(kube.delete(kube.at('configmaps', 'order')));
    const events = await stream.untilCount(3);
    expect(stream.seen).toEqual(['ADDED order', 'MODIFIED order', 'DELETED order']);
    expect(events[0]?.object).toEqual(made);
    expect(events[1]?.object).toEqual(changed);
    expect(events[2]?.object.data).toEqual({ a: '2' });
    const versions = events.map(({ object }) => Number(object.metadata.resourceVersion));
    expect(versions[2]).toBeGreaterThan(versions[1] as number);
    stream.stop();
  });

  test('from a version tells what came after it, and not it', async () => {
    const first = await kube.create('configmaps', labelled('after-1', { case: 'after' }));
    await kube.create('configmaps', labelled('after-2', { case: 'after' }));
    const stream = await kube.watch(
      watchPath(`${selector('case=after')}&resourceVersion=${first.metadata.resourceVersion}`),
    );
    await stream.untilCount(1);
    expect(stream.seen).toEqual(['ADDED after-2']);
    stream.stop();
  });

  test.each(['', 'resourceVersion=0'])('from nowhere (%s) begins with what exists', async (from) => {
    const label = `begins${from === '' ? '' : '-0'}`;
    await kube.create('configmaps', labelled(`${label}-1`, { case: label }));
    await kube.create('configmaps', labelled(`${label}-2`, { case: label }));
    const stream = await kube.watch(watchPath(`${selector(`case=${label}`)}&${from}`));
    await stream.untilCount(2);
    expect(stream.seen.toSorted()).toEqual([`ADDED ${label}-1`, `ADDED ${label}-2`]);
    stream.stop();
  });

  test('with a selector tells of objects that come into it and leave it', async () => {
    const stream = await kube.watch(
      watchPath(`${selector('case=moves')}&resourceVersion=${await versionNow()}`),
    );
    const path = kube.at('configmaps', 'moves');
    await kube.create('configmaps', configMap('moves'));
    await kube.done(kube.patch('merge', path, { metadata: { labels: { case: 'moves' } } }));
    await kube.done(kube.patch('merge', path, { data: { a: '2' } }));
    await kube.done(kube.patch('merge', path, { metadata: { labels: { case: 'left' } } }));
    await stream.untilCount(3);
    expect(stream.seen).toEqual(['ADDED moves', 'MODIFIED moves', 'DELETED moves']);
    stream.stop();
  });

  test('of one name tells of that object only', async () => {
    const query = `fieldSelector=metadata.name%3Done&resourceVersion=${await versionNow()}`;
    const stream = await kube.watch(watchPath(query));
    await kube.create('configmaps', configMap('two'));
    await kube.create('configmaps', configMap('one'));
    await stream.untilCount(1);
    expect(stream.seen).toEqual(['ADDED one']);
    stream.stop();
  });

  test('of all namespaces tells of each', async () => {
    const stream = await kube.watch(
      `/api/v1/configmaps?watch=1&${selector('case=wide')}&resourceVersion=${await versionNow()}`,
    );
    await kube.create('configmaps', labelled('wide', { case: 'wide' }));
    const [event] = await stream.untilCount(1);
    expect(event?.object.metadata.namespace).toBe(kube.namespace);
    stream.stop();
  });

  test('without a change to tell is silent when an object was written as it was', async () => {
    const made = await kube.create('configmaps', labelled('silent', { case: 'silent' }));
    const stream = await kube.watch(
      watchPath(`${selector('case=silent')}&resourceVersion=${made.metadata.resourceVersion}`),
    );
    await kube.done(kube.put(kube.at('configmaps', 'silent'), made));
    await kube.done(kube.delete(kube.at('configmaps', 'silent')));
    await stream.untilCount(1);
    expect(stream.seen).toEqual(['DELETED silent']);
    stream.stop();
  });

  test('ends by itself after timeoutSeconds', async () => {
    const stream = await kube.watch(watchPath('timeoutSeconds=1&resourceVersion=0'));
    await stream.untilClosed();
    expect(stream.events.every(({ type }) => type === 'ADDED')).toBe(true);
  });

  test('has bookmarks for who allows them, with a version and nothing else', async () => {
    const from = await versionNow();
    const stream = await kube.watch(
      watchPath(`allowWatchBookmarks=true&timeoutSeconds=5&resourceVersion=${from}`),
    );
    await kube.create('configmaps', configMap('before-bookmark'));
    const { object } = await stream.until('a bookmark', ({ type }) => type === 'BOOKMARK');
    expect(object).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1' });
    expect(Number(object.metadata.resourceVersion)).toBeGreaterThanOrEqual(Number(from));
    expect(object.metadata).not.toHaveProperty('name');
    stream.stop();
  });

  test('with sendInitialEvents begins with what exists and says where that ends', async () => {
    await kube.create('configmaps', labelled('initial', { case: 'initial' }));
    const stream = await kube.watch(
      watchPath(
        `${selector('case=initial')}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
      ),
    );
    const [added, end] = await stream.untilCount(2);
    expect([added?.type, end?.type]).toEqual(['ADDED', 'BOOKMARK']);
    expect(end?.object.metadata.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' });
    stream.stop();
  });

  test('with sendInitialEvents needs a resourceVersionMatch', async () => {
    const { status, body } = await kube.get(watchPath('sendInitialEvents=true&allowWatchBookmarks=true'));
    expect([status, body.reason]).toEqual([422, 'Invalid']);
    expect(body.message).toContain('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  });

  test('from a version that is no number is refused', async () => {
    const { status } = await kube.get(watchPath('resourceVersion=abc'));
    expect(status).toBeGreaterThanOrEqual(400);
  });

  test('can be of metadata only', async () => {
    const accept = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
    await kube.create('configmaps', labelled('partial', { case: 'partial' }));
    const stream = await kube.watch(watchPath(selector('case=partial')), { accept });
    const [event] = await stream.untilCount(1);
    expect(event?.object).toMatchObject({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1' });
    expect(event?.object).not.toHaveProperty('data');
    stream.stop();
  });
});
