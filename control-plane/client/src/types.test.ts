import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

interface Schema {
  properties?: Record<string, unknown>;
  required?: string[];
}

const document = JSON.parse(readFileSync(new URL('../openapi.json', import.meta.url), 'utf8')) as {
  components: { schemas: Record<string, Schema> };
};
const source = ['./types.ts', './rollouts.ts']
  .map((file) => readFileSync(new URL(file, import.meta.url), 'utf8'))
  .join('\n');

/** Members of each interface, those it inherits included; `?` is kept. */
function interfaces(): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [, name = '', base, body = ''] of source.matchAll(
    /export interface (\w+)(?: extends (\w+))? \{\n([\s\S]*?)\n\}/g,
  )) {
    const own = [...body.matchAll(/^ {2}(\w+\??):/gm)].map((member) => member[1] ?? '');
    const inherited = base === undefined ? [] : (found.get(base) ?? []);
    found.set(name, [...new Set([...inherited, ...own])]);
  }
  return found;
}

/** What a request may leave out is there in every answer. */
const written = new Set(['ApplicationSpec', 'ApplicationSource']);

const pairs = [...interfaces()].filter(([name]) => document.components.schemas[name] && !written.has(name));

it('finds the resources in the contract', () => {
  expect(pairs.length).toBeGreaterThan(18);
});

it.each(pairs)('%s has the members that the contract has', (name, members) => {
  const { properties = {}, required = [] } = document.components.schemas[name] ?? {};
  const contract = Object.keys(properties).map((key) => (required.includes(key) ? key : `${key}?`));
  expect(members.toSorted()).toEqual(contract.toSorted());
});
