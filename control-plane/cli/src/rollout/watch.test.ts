import type { ServerResponse } from 'node:http';
import type { RolloutDetail } from '@flotilla/client/rollouts';
import { describe, expect, it } from 'vitest';
import { fakeHub, flotilla, type Answers, type FakeHub, type RunOptions } from '../hub.fixture.ts';
import { application, page } from '../resources.fixture.ts';
import { closed, event, rollout } from './rollout.fixture.ts';

const { id } = rollout();
const escape = String.fromCharCode(27);

/** A hub that shows one sight after the other, the last one for ever. Events only where `stream` says so. */
function following(
  sights: readonly (RolloutDetail | 503)[],
  stream: Answers[string] = { status: 403, body: {} },
) {
  let looks = 0;
  return fakeHub({
    'GET /applications/web': { body: application({ rollout: { ...rollout(), id } }) },
    'GET /applications/web/rollouts': { body: page([]) },
    'GET /events': stream,
    [`GET /rollouts/${id}`]: () => {
      const sight = sights[Math.min(looks++, sights.length - 1)];
      return sight === 503 ? { status: 503, body: { title: 'away', status: 503 } } : { body: sight };
    },
  });
}

function watch(hub: FakeHub, args: readonly string[] = [], options: RunOptions = {}) {
  return flotilla(['rollout', 'get', 'web', '--watch', ...args], { ...hub, ...options });
}

function looksOf(hub: FakeHub): number {
  return hub.requests.filter(({ route }) => route === `GET /rollouts/${id}`).length;
}

const resumed = rollout({ events: [event('12:20:00', 'Resumed', 'by ann'), ...rollout().events] });

describe('rollout get --watch', () => {
  it.each([
    ['Completed', 0],
    ['RolledBack', 2],
    ['Aborted', 2],
    ['Superseded', 2],
  ])('of a rollout that is %s ends with %i', async (phase, code) => {
    await using hub = await following([closed({ phase })]);
    expect((await watch(hub)).code).toBe(code);
    expect(looksOf(hub)).toBe(1);
  });

  it('ends with 6 when time is up, with 3 when it is interrupted, while the rollout goes on', async () => {
    await using hub = await following([rollout()]);
    expect((await watch(hub, ['--timeout', '50ms'])).code).toBe(6);
    expect((await watch(hub, [], { signal: AbortSignal.timeout(50) })).code).toBe(3);
  });

  it('prints as JSON a line for each change, and none where only time has passed', async () => {
    const later = rollout({ readAt: '2026-11-24T12:13:00.000Z', estimatedEndAt: '2026-11-24T13:11:00Z' });
    await using hub = await following([rollout(), later, resumed, closed()], hinting());
    const { stdout, code } = await watch(hub, ['-o', 'json']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([rollout(), resumed, closed()]);
    expect(code).toBe(0);
  });

  it('looks at once when the hub says that something of the application has changed', async () => {
    await using hub = await following([rollout(), closed()], hinting());
    const started = performance.now();
    expect((await watch(hub)).code).toBe(0);
    expect(performance.now() - started).toBeLessThan(1_500);
  });

  it('looks all the same where events may not be read', async () => {
    await using hub = await following([rollout(), closed()]);
    expect((await watch(hub)).code).toBe(0);
    expect(looksOf(hub)).toBe(2);
  });

  it('goes on while the hub is away, and says so', async () => {
    await using hub = await following([rollout(), 503, closed()], hinting());
    const { stdout, code } = await watch(hub, [], { isTTY: true });
    expect(stdout).toContain('the hub does not answer for');
    expect(code).toBe(0);
  });

  it('draws on a terminal in place, and leaves the last picture there', async () => {
    await using hub = await following([rollout(), closed()], hinting());
    const { stdout } = await watch(hub, [], { isTTY: true });
    const frames = stdout.split(`${escape}[?2026h`).slice(1);
    expect(frames.length).toBeGreaterThanOrEqual(2);
    const height = (frames[0] ?? '').split('\n').length;
    expect(frames[1]).toMatch(new RegExp(`^\\r${escape}\\[${height - 1}A`));
    expect(frames.at(-1)).toContain('Completed');
    expect(stdout.endsWith(`\n${escape}[?25h`)).toBe(true);
  });

  it.each([{}, { isTTY: true, isDumb: true }])(
    'without a terminal to draw on tells what was decided, between the whole picture first and last: %j',
    async (terminal) => {
      await using hub = await following([rollout(), resumed, closed()], hinting());
      const { stdout } = await watch(hub, [], terminal);
      expect(stdout).not.toContain(escape);
      const lines = stdout.split('\n');
      expect(lines.filter((line) => line.startsWith('Rollout of web'))).toHaveLength(2);
      expect(lines).toContain('12:20:00  Resumed     by ann');
    },
  );

  it('says what was asked for where there is no rollout', async () => {
    await using hub = await fakeHub({
      'GET /applications/web': { body: application() },
      'GET /applications/web/rollouts': { body: page([]) },
    });
    expect((await watch(hub)).code).toBe(4);
  });
});

describe('rollout get --watch --commit', () => {
  const commit = rollout().revision.commit;
  const before = {
    ...rollout().revision,
    id: 'r',
    sources: [],
    error: null,
    createdAt: rollout().createdAt,
    number: 41,
    commit: 'b'.repeat(40),
  };
  const revision = { ...before, number: 42, commit };

  /** The commit comes with the third look. */
  function coming(found: object, rollouts: object[]): Promise<FakeHub> {
    let looks = 0;
    return fakeHub({
      'GET /applications/web/revisions': () => ({ body: page(++looks < 3 ? [before] : [found, before]) }),
      'GET /applications/web/rollouts': { body: page(rollouts) },
      'GET /events': { status: 403, body: {} },
      [`GET /rollouts/${id}`]: { body: closed() },
    });
  }

  it('waits for the rollout of that commit, and follows no other', async () => {
    const others = [
      { ...closed(), id: 'x', kind: 'rollback' },
      { ...closed(), id: 'y', revisionNumber: 41 },
    ];
    await using hub = await coming(revision, [...others, closed()]);
    const { code, stdout } = await watch(hub, ['--commit', commit.slice(0, 7)]);
    expect(code).toBe(0);
    expect(stdout).toContain('Completed');
  });

  it('ends with 2 where the commit does not render, and says why', async () => {
    await using hub = await coming({ ...revision, state: 'Failed', error: { message: 'a.yaml:3: bad' } }, []);
    const { code, stderr } = await watch(hub, ['--commit', commit]);
    expect(code).toBe(2);
    expect(stderr).toContain('revision 42 and does not render: a.yaml:3: bad');
  });

  it('ends with 6 where it never comes', async () => {
    await using hub = await coming(before, []);
    const { code, stderr } = await watch(hub, ['--commit', commit, '--timeout', '50ms']);
    expect([code, stderr]).toEqual([6, 'gave up after 0.05 s: there is no such rollout yet\n']);
  });

  it('is not found at once without --watch', async () => {
    await using hub = await coming(revision, []);
    expect((await flotilla(['rollout', 'get', 'web', '--commit', commit], hub)).code).toBe(4);
  });
});

it('rollout get shows the open rollout, not a newer one that waits behind it', async () => {
  await using hub = await following([rollout()]);
  const { stdout, code } = await flotilla(['rollout', 'get', 'web'], hub);
  expect([code, stdout.split('\n')[0]]).toEqual([
    0,
    expect.stringMatching(/^Rollout of web to revision 42: 432 of 2000/),
  ]);
});

/** Says a few times a second that something of the application has changed. */
function hinting(): Answers[string] {
  return {
    body: '',
    stream: (response: ServerResponse) => {
      const data = JSON.stringify({ applications: [rollout().applicationId], clusters: [] });
      const timer = setInterval(() => response.write(`event: status\ndata: ${data}\n\n`), 100);
      response.on('close', () => clearInterval(timer));
    },
  };
}
