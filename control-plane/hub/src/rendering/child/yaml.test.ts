import { expect, test } from 'vitest';

import { parseYaml, yamlDefaults } from './yaml.ts';

function valueOf(text: string): unknown {
  const result = parseYaml(text, yamlDefaults);
  if (!result.ok) throw new Error(result.problem.message);
  return result.documents[0]?.value;
}

function problemOf(text: string, limits = yamlDefaults) {
  const result = parseYaml(text, limits);
  return result.ok ? null : result.problem;
}

test('documents have their number and their line', () => {
  const result = parseYaml('a: 1\n---\nb: yes\n---\n# nothing\n---\nc: 0777\n', yamlDefaults);
  expect(result).toEqual({
    ok: true,
    documents: [
      { number: 1, line: 1, value: { a: 1 } },
      { number: 2, line: 3, value: { b: true } },
      { number: 3, line: 4, value: null },
      { number: 4, line: 7, value: { c: 511 } },
    ],
  });
});

test('quoted and block scalars are text, whatever they look like', () => {
  expect(valueOf('a: "yes"\nb: \'0777\'\nc: |\n  1\nd: >-\n  x\n  y\ne: !!str 1\nf: 2001-01-01\n')).toEqual({
    a: 'yes',
    b: '0777',
    c: '1\n',
    d: 'x y',
    e: '1',
    f: '2001-01-01',
  });
});

test('keys are text: numbers and booleans become what they print as', () => {
  expect(valueOf('1: a\nyes: b\n1.5: c\n0x10: d\n')).toEqual({ '1': 'a', true: 'b', '1.5': 'c', '16': 'd' });
});

test('integers beyond 2^53 keep their digits', () => {
  expect(valueOf('a: 9007199254740993\n')).toEqual({ a: 9007199254740993n });
});

test('merge keys give way to what is written out', () => {
  expect(valueOf('base: &base {k: 1, l: 2}\nc:\n  <<: *base\n  k: 3\n')).toEqual({
    base: { k: 1, l: 2 },
    c: { k: 3, l: 2 },
  });
});

test('JSON is YAML, tabs included', () => {
  expect(valueOf('{\n\t"a": 1,\n\t"b": ["\\/", 9007199254740993]\n}\n')).toEqual({
    a: 1,
    b: ['/', 9007199254740993n],
  });
});

test('maps have no prototype', () => {
  expect(Object.getPrototypeOf(valueOf('a: 1\n'))).toBe(null);
});

const refused: [string, string, number, RegExp][] = [
  ['a key that is there twice', 'a: 1\nb: 2\na: 3\n', 3, /the key 'a' is there twice/],
  ['keys that become the same text', '1: x\n"1": y\n', 2, /there twice/],
  ['__proto__', 'a:\n  __proto__: {x: 1}\n', 2, /'__proto__' is refused/],
  ['constructor', 'constructor: 1\n', 1, /'constructor' is refused/],
  ['a null key', 'null: 1\n', 1, /must not be null/],
  ['a structure as a key', '? [a]\n: b\n', 1, /a key must be text/],
  ['a custom tag', 'a: !foo x\n', 1, /the tag !foo is not supported/],
  ['a tag that runs code elsewhere', 'a: !!js/function "x"\n', 1, /not supported/],
  ['binary', 'a: !!binary aGk=\n', 1, /not supported/],
  ['a tag that does not fit', 'a: !!int x\n', 1, /is no/],
  ['an unknown anchor', 'a: *x\n', 1, /unknown anchor 'x'/],
  ['an anchor that contains itself', 'a: &a [*a]\n', 1, /contains itself/],
  ['an infinity', 'a: .inf\n', 1, /no JSON number/],
  ['broken indentation', 'a:\n  b: 1\n c: 2\n', 3, /./],
  ['an open bracket', 'a: [1\n', 1, /./],
];

test.each(refused)('%s is refused, with its line', (_what, text, line, message) => {
  const problem = problemOf(text);
  expect(problem).toMatchObject({ document: 1, message: expect.stringMatching(message) });
  expect(problem?.line).toBeGreaterThanOrEqual(Math.min(line, 1));
});

test('an alias bomb is counted as what it expands to', () => {
  let bomb = 'a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n';
  for (let at = 1; at < 12; at++)
    bomb += `a${at}: &a${at} [${Array(10)
      .fill(`*a${at - 1}`)
      .join(',')}]\n`;
  expect(problemOf(bomb)?.message).toMatch(/more than 2000000 values/);
});

test('deep nesting ends at a limit, not in the stack', () => {
  expect(problemOf(`a: ${'['.repeat(300)}${']'.repeat(300)}\n`)?.message).toMatch(/nested deeper than 200/);
  expect(problemOf('['.repeat(1_000_000))?.message).toBe('nested too deep');
  expect(problemOf(`a: ${'{a: '.repeat(15_000)}`)?.message).toMatch(/nested/);
});

test('too many documents end at a limit', () => {
  const text = Array.from({ length: 50 }, (_, at) => `a: ${at}`).join('\n---\n');
  expect(problemOf(text, { ...yamlDefaults, documentsMax: 49 })).toMatchObject({
    document: 50,
    message: 'more than 49 documents',
  });
});
