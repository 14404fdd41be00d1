import { stripVTControlCharacters } from 'node:util';
import { widthOf } from '@flotilla/client/cells';
import fc from 'fast-check';
import pc from 'picocolors';
import { describe, expect, test } from 'vitest';
import { drawRollout, type RolloutRoom } from './draw.ts';
import { sharesOf } from './drawWaves.ts';
import { asked, at, awaited, closed, manyWaves, paused, rollout, soaking } from './rollout.fixture.ts';

const views = { running: rollout, soaking, awaited, paused, asked, closed, waves: manyWaves };
type Name = keyof typeof views;
const names = Object.keys(views) as Name[];

function draw(name: Name, room: Partial<RolloutRoom> = {}): string[] {
  const plain = {
    columns: 80,
    rows: 24,
    colors: pc.createColors(false),
    nowMs: Date.parse(at),
    hubAwayMs: null,
  };
  return drawRollout(views[name](), { ...plain, ...room });
}

describe('a rollout', () => {
  test.each(names)('"%s" at 80 columns is as agreed', async (name) => {
    await expect(`${draw(name).join('\n')}\n`).toMatchFileSnapshot(`golden/${name}-80.txt`);
  });

  test.each(names)('"%s" on a narrow terminal is as agreed', async (name) => {
    const lines = draw(name, { columns: 46, rows: 30 });
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(`golden/${name}-46.txt`);
  });

  test.each(['running', 'paused'] as const)(
    '"%s" in colour says the same, and is as agreed',
    async (name) => {
      const colored = draw(name, { colors: pc.createColors(true) }).join('\n');
      expect(stripVTControlCharacters(colored)).toBe(draw(name).join('\n'));
      await expect(`${colored.replaceAll('\u001b', '␛')}\n`).toMatchFileSnapshot(
        `golden/${name}-80-colour.txt`,
      );
    },
  );

  test.each(names)('"%s" never leaves a terminal of any size', (name) => {
    for (const columns of [20, 46, 80, 81, 200]) {
      for (const rows of [6, 12, 24, 60]) {
        const lines = draw(name, { columns, rows });
        expect(lines.length).toBeLessThanOrEqual(rows);
        for (const line of lines) expect(widthOf(line), line).toBeLessThanOrEqual(columns);
      }
    }
  });

  test('of which the hub does not answer any more says since when', () => {
    expect(draw('running', { hubAwayMs: 12_000 })[2]).toBe('the hub does not answer for 12s');
  });

  test('takes control characters of a commit or a cluster for what they are', () => {
    const evil = '\u001b[2Jwiped\u0007';
    const { revision, failures } = rollout();
    const [first] = failures.first;
    const hostile = {
      ...rollout(),
      revision: { ...revision, message: evil, author: evil },
      failures: { ...failures, first: first === undefined ? [] : [{ ...first, message: evil }] },
    };
    const room = {
      columns: 80,
      rows: null,
      colors: pc.createColors(false),
      nowMs: Date.parse(at),
      hubAwayMs: null,
    };
    const text = drawRollout(hostile, room).join('\n');
    expect(stripVTControlCharacters(text)).toBe(text);
    expect(text).toContain('3fa9c1d0 wiped, by wiped');
  });
});

test('a bar is exactly as wide as it should be, and shows whatever is there', () => {
  const drawn = fc.record({
    counts: fc.array(fc.nat(2_000), { minLength: 1, maxLength: 6 }),
    cells: fc.integer({ min: 8, max: 40 }),
  });
  fc.assert(
    fc.property(drawn, ({ counts, cells }) => {
      const total = counts.reduce((sum, count) => sum + count, 0);
      fc.pre(total > 0);
      const shares = sharesOf(counts, total, cells);
      expect(shares.reduce((sum, share) => sum + share, 0)).toBe(cells);
      expect(shares.map((share) => share > 0)).toEqual(counts.map((count) => count > 0));
    }),
  );
});
