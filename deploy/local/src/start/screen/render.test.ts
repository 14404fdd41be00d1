import { stripVTControlCharacters } from 'node:util';
import { widthOf } from '@flotilla/client/cells';
import { describe, expect, test } from 'vitest';
import { colorsOf } from './paint.ts';
import { render } from './render.ts';
import { awayView, manyView, startingView, threeView } from './view.fixture.ts';
import type { ScreenView } from './view.ts';

const views = { starting: startingView, three: threeView, away: awayView, many: manyView };
const sizes = [
  { columns: 80, rows: 24 },
  { columns: 120, rows: 40 },
];
const cases = Object.entries(views).flatMap(([name, view]) => sizes.map((size) => ({ name, view, ...size })));

function draw(view: ScreenView, columns: number, rows: number, isColored = false): string[] {
  return render(view, { columns, rows, colors: colorsOf(isColored) });
}

describe('the screen', () => {
  test.each(cases)('of "$name" at $columns columns is as agreed', async ({ name, view, columns, rows }) => {
    const text = draw(view(), columns, rows).join('\n');
    await expect(`${text}\n`).toMatchFileSnapshot(`golden/${name}-${columns}.txt`);
  });

  test.each(['three', 'many'] as const)('of "%s" in colour says the same, and is as agreed', async (name) => {
    const colored = draw(views[name](), 80, 24, true).join('\n');
    expect(stripVTControlCharacters(colored)).toBe(draw(views[name](), 80, 24).join('\n'));
    await expect(`${colored.replaceAll('\u001b', '␛')}\n`).toMatchFileSnapshot(
      `golden/${name}-80-colour.txt`,
    );
  });

  test.each(cases)('of "$name" never leaves a terminal of any size', ({ view }) => {
    for (const columns of [80, 81, 97, 200]) {
      for (const rows of [10, 24, 60]) {
        const lines = draw(view(), columns, rows);
        expect(lines.length).toBeLessThanOrEqual(rows);
        for (const line of lines) expect(widthOf(line), line).toBeLessThanOrEqual(columns);
      }
    }
  });

  test('names every cluster of a small fleet, and of a large one those that need a person', () => {
    const small = draw(threeView(), 80, 24).join('\n');
    for (const name of ['dev', 'staging', 'production']) expect(small).toContain(name);
    const large = draw(manyView(), 80, 30).join('\n');
    for (const name of ['production-18', 'staging-140', 'dev-100']) expect(large).not.toContain(`${name} `);
    expect(large).toMatch(/production-18: shop: web: 0 of 2 ready/);
    expect(large).toMatch(/quarantined: duplicate agent/);
  });
});
