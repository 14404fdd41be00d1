import { describe, expect, test } from 'vitest';
import type { RolloutView } from '../start/screen/view.ts';
import { takeTheFloor } from '../start/say.ts';
import { wentInWaves } from './rolloutWatch.ts';
import { runSteps } from './run.ts';
import { demoStep, expectation } from './step.ts';
import { NotSeenError, Tour, type TourOptions } from './tour.ts';

const signal = new AbortController().signal;

function tourOf(timeoutMs = 50): Tour {
  return new Tour({ timeoutMs, speed: 1, dir: '', signal } as TourOptions);
}

function stepThat(
  name: string,
  holds: boolean,
  act: (tour: Tour) => Promise<unknown> = () => Promise.resolve(),
) {
  const rest = { name, title: name, say: `${name} happens` };
  return demoStep({ ...rest, act, expect: () => [expectation(`${name} was seen`, holds, 'nothing')] });
}

async function runQuietly(...steps: ReturnType<typeof stepThat>[]) {
  const lines: string[] = [];
  const giveBack = takeTheFloor({ line: (text) => lines.push(text), part: () => () => undefined });
  const outcomes = await runSteps(steps, { tour: tourOf(), isPaced: false, signal }).finally(giveBack);
  return { outcomes, lines: lines.join('\n') };
}

describe('a step of the tour', () => {
  test('that did not go as told ends the tour, with what was seen instead', async () => {
    const { outcomes, lines } = await runQuietly(
      stepThat('a', true),
      stepThat('b', false),
      stepThat('c', true),
    );
    expect(outcomes.map(({ name, ok }) => [name, ok])).toEqual([
      ['a', true],
      ['b', false],
    ]);
    expect(lines).toContain('b was seen; seen: "nothing"');
  });

  test('that waits in vain says for what, and what it saw last', async () => {
    const waiting = stepThat('a', true, (tour) =>
      tour.until('a miracle', () => Promise.resolve({ yet: 'dust' })),
    );
    const { outcomes } = await runQuietly(waiting);
    expect(outcomes[0]).toMatchObject({
      ok: false,
      notSeen: "not seen within 0.05 s: a miracle; last seen: 'dust'",
    });
  });

  test('waits over a hub that is away', async () => {
    let calls = 0;
    const look = () => (++calls < 3 ? Promise.reject(new Error('away')) : Promise.resolve({ found: calls }));
    await expect(tourOf(5000).until('an answer', look)).resolves.toBe(3);
    await expect(tourOf().until('an answer', () => Promise.reject(new Error('away')))).rejects.toThrow(
      NotSeenError,
    );
  });

  test('that fails by a fault of the program is no outcome', async () => {
    await expect(runQuietly(stepThat('a', true, () => Promise.reject(new Error('a fault'))))).rejects.toThrow(
      'a fault',
    );
  });
});

describe('waves', () => {
  const wave = (total: number, done: number, inFlight = 0) => ({
    name: '',
    total,
    done,
    inFlight,
    failed: 0,
  });
  const state = (...waves: RolloutView['waves']) => ({ waves }) as RolloutView;

  test('went one after the other', () => {
    expect(wentInWaves([state(wave(1, 0, 1), wave(3, 0)), state(wave(1, 1), wave(3, 1, 2))])).toBe(true);
  });

  test('did not where a later one began early', () => {
    expect(wentInWaves([state(wave(1, 0, 1), wave(3, 0, 1))])).toBe(false);
  });
});
