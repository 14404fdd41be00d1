/** Sync windows: deny wins, allow is needed where there is one, and time is that of the window's zone. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judgeWindows, parseWindow, type Window } from './window.ts';

function window(text: Partial<Record<string, unknown>>): Window {
  const parsed = parseWindow({ schedule: '0 8 * * 1-5', duration: '9h', ...text }, 'allow');
  if (!parsed.ok) throw new Error(`${parsed.field} ${parsed.message}`);
  return parsed.window;
}

const office = window({});
const freeze = window({ kind: 'deny', schedule: '0 0 24 12 *', duration: '3d' });

function at(text: string): number {
  return Date.parse(text);
}

describe('windows', () => {
  test.each([
    ['without any', [], '2026-11-24T03:00:00Z', true, null],
    ['before it opens', [office], '2026-11-24T07:59:59Z', false, '2026-11-24T08:00:00Z'],
    ['as it opens', [office], '2026-11-24T08:00:00Z', true, '2026-11-24T17:00:00Z'],
    ['as it closes', [office], '2026-11-24T17:00:00Z', false, '2026-11-25T08:00:00Z'],
    ['on a weekend', [office], '2026-11-28T09:00:00Z', false, '2026-11-30T08:00:00Z'],
    ['only a freeze, and it is not on', [freeze], '2026-12-23T12:00:00Z', true, '2026-12-24T00:00:00Z'],
    ['a freeze that is on', [freeze], '2026-12-25T12:00:00Z', false, '2026-12-27T00:00:00Z'],
    [
      'a freeze beats an open window',
      [office, freeze],
      '2026-12-25T12:00:00Z',
      false,
      '2026-12-25T17:00:00Z',
    ],
    [
      'one of two is enough',
      [office, window({ schedule: '0 20 * * *', duration: '1h' })],
      '2026-11-24T20:30:00Z',
      true,
      '2026-11-24T21:00:00Z',
    ],
  ] as const)('%s', (_, windows, now, isOpen, until) => {
    const verdict = judgeWindows(windows, at(now));
    expect(verdict.isOpen).toBe(isOpen);
    expect(verdict.untilMs).toBe(until === null ? null : at(until));
  });

  test('eight o’clock is that of the zone, also when clocks were put forward', () => {
    const berlin = window({ schedule: '0 8 * * *', duration: '1h', timeZone: 'Europe/Berlin' });
    expect(judgeWindows([berlin], at('2026-03-28T07:30:00Z')).isOpen).toBe(true);
    expect(judgeWindows([berlin], at('2026-03-29T06:30:00Z')).isOpen).toBe(true);
    expect(judgeWindows([berlin], at('2026-03-29T07:30:00Z')).isOpen).toBe(false);
  });

  test('a person may pass a window that lets them, never one that does not', () => {
    const now = at('2026-12-25T12:00:00Z');
    expect(judgeWindows([freeze], now)).toMatchObject({ isOpen: false, isOpenToPeople: false });
    expect(judgeWindows([{ ...freeze, manualSync: true }], now)).toMatchObject({ isOpenToPeople: true });
    const night = at('2026-11-24T03:00:00Z');
    expect(judgeWindows([{ ...office, manualSync: true }], night)).toMatchObject({
      isOpen: false,
      isOpenToPeople: true,
    });
  });

  test.each([
    [{ kind: 'maybe' }, 'kind'],
    [{ schedule: '0 8 * *' }, 'schedule'],
    [{ schedule: '0 0 8 * * *' }, 'schedule'],
    [{ schedule: 'H 8 * * *' }, 'schedule'],
    [{ schedule: '@daily' }, 'schedule'],
    [{ schedule: '0 8 30 2 *' }, 'schedule'],
    [{ schedule: 7 }, 'schedule'],
    [{ duration: '0s' }, 'duration'],
    [{ duration: '400d' }, 'duration'],
    [{ timeZone: 'Mars/Olympus' }, 'timeZone'],
    [{ manualSync: 'yes' }, 'manualSync'],
    [{ until: 'noon' }, 'until'],
  ])('%j is refused by its field', (wrong, field) => {
    expect(parseWindow({ schedule: '0 8 * * *', duration: '1h', ...wrong }, 'allow')).toMatchObject({
      ok: false,
      field,
    });
  });

  test('nothing changes before the time that is told', () => {
    const windows = fc.array(
      fc.constantFrom(office, freeze, window({ schedule: '*/30 * * * *', duration: '10m' })),
      { maxLength: 3 },
    );
    const times = fc.integer({ min: at('2026-11-01T00:00:00Z'), max: at('2027-01-15T00:00:00Z') });
    fc.assert(
      fc.property(windows, times, fc.double({ min: 0, max: 1, noNaN: true }), (all, now, share) => {
        const { isOpen, untilMs } = judgeWindows(all, now);
        if (untilMs === null) return;
        expect(untilMs).toBeGreaterThan(now);
        const between = Math.floor(now + share * (untilMs - 1 - now));
        expect(judgeWindows(all, between).isOpen).toBe(isOpen);
      }),
    );
  });
});
