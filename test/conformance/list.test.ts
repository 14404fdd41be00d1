/** Lists: their order, pages, selectors, and which state they show. */
import { eventually } from '@flotilla/testkit/eventually';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Json } from './src/json.ts';
import { openKube } from './src/kube.ts';
import { configMap } from './src/objects.ts';

const kube = openKube('list');
const names = ['a', 'b', 'c', 'd', 'e'];

beforeAll(async () => {
  for (const name of names.toReversed()) {
    const labels = {
      list: 'yes',
      tier: name < 'c' ? 'front' : 'back',
      ...(name === 'e' ? { last: '' } : {}),
    };
    await kube.create('configmaps', configMap(name, {}, { labels }));
  }
  // A controller puts it into each namespace, in its own time.
  await eventually('kube-root-ca.crt is there', async () =>
    namesOf(await list('')).includes('kube-root-ca.crt'),
  );
});

function list(query: string): Promise<Json> {
  return kube.read(`${kube.at('configmaps')}?${query}`);
}

function namesOf({ items }: Json): string[] {
  return items.map((item: Json) => item.metadata.name);
}

const ours = `labelSelector=${encodeURIComponent('list=yes')}`;

describe('a list', () => {
  test('is of the kind List, in the order of names, its items without kind', async () => {
    const found = await list(ours);
    expect(found).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMapList' });
    expect(found.metadata.resourceVersion).toMatch(/^\d+$/);
    expect(namesOf(found)).toEqual(names);
    expect(found.items[0]).not.toHaveProperty('kind');
  });

  test('of nothing has no items and a resourceVersion', async () => {
    const found = await list('labelSelector=nobody');
    expect(found.items).toEqual([]);
    expect(found.metadata.resourceVersion).toMatch(/^\d+$/);
  });

  test('goes over all namespaces at the cluster’s path', async () => {
    const query = `fieldSelector=${encodeURIComponent(`metadata.namespace=${kube.namespace}`)}&${ours}`;
    expect(namesOf(await kube.read(`/api/v1/configmaps?${query}`))).toEqual(names);
  });
});

describe('pages', () => {
  test('join to the whole list, all of one resourceVersion', async () => {
    const first = await list('limit=2');
    expect(namesOf(first)).toEqual(['a', 'b']);
    expect(first.metadata.remainingItemCount).toBe(4); // kube-root-ca.crt is one of them
    await kube.create('configmaps', configMap('bb'));
    let next = first;
    const rest: string[] = [];
    while (next.metadata.continue) {
      next = await list(`limit=2&continue=${encodeURIComponent(next.metadata.continue)}`);
      expect(next.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
      rest.push(...namesOf(next));
    }
    expect(rest).toEqual(['c', 'd', 'e', 'kube-root-ca.crt']);
    await kube.done(kube.delete(kube.at('configmaps', 'bb')));
  });

  test('of a selector do not say how many remain', async () => {
    const { metadata, items } = await list(`limit=2&${ours}`);
    expect(items).toHaveLength(2);
    expect(metadata.continue).not.toBe('');
    expect(metadata).not.toHaveProperty('remainingItemCount');
  });

  test('a continue token that is none is refused with 400', async () => {
    const { status, body } = await kube.get(`${kube.at('configmaps')}?limit=2&continue=nonsense`);
    expect([status, body.reason]).toEqual([400, 'BadRequest']);
    expect(body.message).toContain('continue key is not valid');
  });
});

describe('selectors', () => {
  test.each([
    ['tier=front', ['a', 'b']],
    ['tier==back', ['c', 'd', 'e']],
    ['list=yes,tier!=back', ['a', 'b']],
    ['tier in (front,back),last', ['e']],
    ['list,tier notin (front)', ['c', 'd', 'e']],
    ['list,!last', ['a', 'b', 'c', 'd']],
    ['last=', ['e']],
  ])('labels: %s', async (selector, expected) => {
    expect(namesOf(await list(`labelSelector=${encodeURIComponent(selector)}`))).toEqual(expected);
  });

  test('a label selector that cannot be read is a 400', async () => {
    const { status, body } = await kube.get(`${kube.at('configmaps')}?labelSelector=a%20b%20c`);
    expect([status, body.reason]).toEqual([400, 'BadRequest']);
    expect(body.message).toContain('unable to parse requirement');
  });

  test.each([
    ['metadata.name=c', ['c']],
    ['metadata.name!=c', ['a', 'b', 'd', 'e']],
  ])('fields: %s', async (selector, expected) => {
    expect(namesOf(await list(`${ours}&fieldSelector=${encodeURIComponent(selector)}`))).toEqual(expected);
  });

  test('a field that is not selectable is a 400', async () => {
    const { status, body } = await kube.get(`${kube.at('configmaps')}?fieldSelector=data.a%3D1`);
    expect([status, body.reason]).toEqual([400, 'BadRequest']);
    expect(body.message).toContain('"data.a" is not a known field selector');
  });
});

describe('resourceVersion', () => {
  test('the newest list is no older than what was written before', async () => {
    const { metadata } = await kube.create('configmaps', configMap('just-now'));
    const found = await list('resourceVersion=');
    expect(Number(found.metadata.resourceVersion)).toBeGreaterThanOrEqual(Number(metadata.resourceVersion));
    await kube.done(kube.delete(kube.at('configmaps', 'just-now')));
  });

  test('NotOlderThan shows at least that state', async () => {
    const { metadata } = await list(ours);
    const found = await list(
      `${ours}&resourceVersion=${metadata.resourceVersion}&resourceVersionMatch=NotOlderThan`,
    );
    expect(namesOf(found)).toEqual(names);
  });

  test('Exact shows the state of then', async () => {
    const { metadata } = await list(ours);
    await kube.create('configmaps', configMap('f', {}, { labels: { list: 'yes' } }));
    const then = await list(`${ours}&resourceVersion=${metadata.resourceVersion}&resourceVersionMatch=Exact`);
    expect(namesOf(then)).toEqual(names);
    expect(then.metadata.resourceVersion).toBe(metadata.resourceVersion);
    await kube.done(kube.delete(kube.at('configmaps', 'f')));
  });

  test('one that is no number is a 400', async () => {
    const { status, body } = await kube.get(`${kube.at('configmaps')}?resourceVersion=abc`);
    expect(status).toBe(400);
    expect(body.message).toContain('Invalid value: "abc"');
  });

  test('one that is still to come is a 504 that says so', async () => {
    const { status, body } = await kube.get(`${kube.at('configmaps')}?resourceVersion=99999999999`);
    expect([status, body.reason]).toEqual([504, 'Timeout']);
    expect(body.message).toMatch(/^Timeout: Too large resource version: 99999999999, current: \d+$/);
    expect(body.details.causes[0].reason).toBe('ResourceVersionTooLarge');
  });

  test('a read of one object from a version that is still to come is a 504 too', async () => {
    const path = `${kube.at('configmaps', 'a')}?resourceVersion=99999999999`;
    expect((await kube.get(path)).status).toBe(504);
  });

  test('a match without a version is refused', async () => {
    const { status, body } = await kube.get(`${kube.at('configmaps')}?resourceVersionMatch=Exact`);
    expect(status).toBe(422);
    expect(body.message).toContain('resourceVersionMatch is forbidden unless resourceVersion is provided');
  });
});
