import { expect, it } from 'vitest';
import { fakeHub, flotilla } from './hub.fixture.ts';
import { cluster } from './resources.fixture.ts';

const paused = cluster({
  state: 'Paused',
  stateReason: 'new nodes',
  pausedUntil: '2026-11-24T17:00:00.000Z',
});

it.each([
  [['--until', '2h'], { reason: 'new nodes', until: '2026-11-24T17:00:00.000Z' }],
  [['--until', '2026-11-25T08:00:00+01:00'], { reason: 'new nodes', until: '2026-11-25T07:00:00.000Z' }],
  [[], { reason: 'new nodes' }],
])('cluster pause %j', async (args, body) => {
  await using hub = await fakeHub({ 'POST /clusters/eu-1/pause': { body: paused } });
  const ran = await flotilla(['cluster', 'pause', 'eu-1', '--reason', 'new nodes', ...args], hub);
  expect(hub.requests[0]?.body).toEqual(body);
  expect(ran.stdout).toBe('eu-1 is Paused until 2026-11-24T17:00:00.000Z: new nodes\n');
});

it('cluster resume ends a pause, and a pause needs a reason', async () => {
  await using hub = await fakeHub({ 'POST /clusters/eu-1/resume': { body: cluster() } });
  expect((await flotilla(['cluster', 'resume', 'eu-1'], hub)).stdout).toBe('eu-1 is Active\n');
  expect((await flotilla(['cluster', 'pause', 'eu-1'], hub)).code).toBe(64);
});

it('a paused cluster says until when and why', async () => {
  await using hub = await fakeHub({
    'GET /clusters/eu-1': { body: paused },
    'GET /clusters/eu-1/targets': { body: { items: [], next: null } },
  });
  const { stdout } = await flotilla(['cluster', 'get', 'eu-1'], hub);
  expect(stdout).toContain('State:       Paused until 2026-11-24T17:00:00.000Z (new nodes)\n');
});

it.each([
  [
    ['pin', 'web', 'eu-1', '--revision', '2', '--reason', 'a trial', '--expires', '2h'],
    { action: 'pin', cluster: 'eu-1', revision: 2, reason: 'a trial', expiresAt: '2026-11-24T17:00:00.000Z' },
  ],
  [
    ['pin', 'web', 'eu-1', '--revision', '2', '--reason', 'a trial'],
    { action: 'pin', cluster: 'eu-1', revision: 2, reason: 'a trial', expiresAt: null },
  ],
  [['unpin', 'web', 'eu-1'], { action: 'unpin', cluster: 'eu-1' }],
])('target %j', async (args, body) => {
  const result = { body: { application: 'web', action: 'x', stage: '', events: ['Pinned: by me'] } };
  await using hub = await fakeHub({ 'POST /applications/web/rollout': result });
  const { code, stdout } = await flotilla(['target', ...args], hub);
  expect([code, stdout, hub.requests[0]?.body]).toEqual([0, 'Pinned: by me\n', body]);
});
