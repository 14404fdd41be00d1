import { expect, it } from 'vitest';
import { fakeHub, flotilla } from './hub.fixture.ts';
import { cluster } from './resources.fixture.ts';

const before = cluster({ labels: { env: 'dev', region: 'eu', old: 'x' }, version: 7 });

it('cluster label sets and takes away what is named, leaves the rest, and only over what it has read', async () => {
  await using hub = await fakeHub({
    'GET /clusters/eu-1': { body: before },
    'PATCH /clusters/eu-1': (body) => ({ body: { ...before, ...(body as object) } }),
  });
  const { code, stdout } = await flotilla(['cluster', 'label', 'eu-1', 'env=prod', 'old-', 'zone=a=b'], hub);
  expect([code, stdout]).toEqual([0, 'eu-1: env=prod,region=eu,zone=a=b\n']);
  const patch = hub.requests.find(({ route }) => route.startsWith('PATCH'));
  expect(patch?.body).toEqual({ labels: { env: 'prod', region: 'eu', zone: 'a=b' } });
  expect(patch?.headers['if-match']).toBe('"7"');
});

it.each(['env', '=prod', '-', ''])('cluster label does not take %j for a change', async (change) => {
  await using hub = await fakeHub({});
  const { code, stderr } = await flotilla(['cluster', 'label', 'eu-1', '--', change], hub);
  expect([code, hub.requests]).toEqual([64, []]);
  expect(stderr).toContain('env=prod sets one, env- takes it away');
});
