/** The plain reader against the exact one: what it answers, that one answers as well, down to the line. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { parsePlainYaml } from './plainYaml.ts';
import { parseExactly, yamlDefaults } from './yaml.ts';

function agree(text: string): boolean {
  const plain = parsePlainYaml(text, yamlDefaults);
  if (plain === null) return false;
  expect(parseExactly(text, yamlDefaults), text).toEqual({ ok: true, documents: plain });
  return true;
}

const manifest = `# Source: chart/templates/web.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web # the front
  labels: {app.kubernetes.io/name: web, "tier": 'front'}
  annotations:
    note: 'it''s "quoted"'
    escaped: "a\\tb\\u00e9 \\"c\\" \\\\"
spec:
  replicas: 3
  paused: no
  empty:
  template:
    spec:
      containers:
      - name: web
        image: registry.example.com:5000/web:1.27
        args: ["--port", "8080", -1, 1e3, null, {a: [b, []]}]
        command:
          - sh
          - -c
          - |
            set -e

            exec web --flag "a: b" # no comment
          - >-
            one line
            and more

            and a break
        env: []
        resources: {}
      - # of its own line
        name: side
        ports:
          - containerPort: 0777
          - - nested
            - deeper: yes
---
# nothing here
---
---
kind: List
items:
  - a: |+
      kept

  - b: |-
      stripped
...not: a marker
`;

describe('what manifests are written in', () => {
  test('is read, and as the exact parser reads it', () => {
    expect(agree(manifest.replace('...not: a marker\n', ''))).toBe(true);
    expect(agree('{\n  "a": 1,\n  "b": [\n    {"c": "d\\n", "e": {}},\n    9007199254740993\n  ]\n}\n')).toBe(
      true,
    );
    expect(agree('---\na: 1\n---\nb: 2')).toBe(true);
    expect(agree('# only a comment\n')).toBe(true);
    expect(agree('')).toBe(true);
    expect(agree('\n\n# c\n--- # d\n\na: x\n')).toBe(true);
  });
});

const left: [string, string][] = [
  ['an anchor', 'a: &x 1\nb: *x\n'],
  ['a tag', 'a: !!str 1\n'],
  ['a merge key', '<<: {a: 1}\n'],
  ['text over two lines', 'a: one\n  two\n'],
  ['a quote over two lines', 'a: "one\n  two"\n'],
  ['a key that is there twice', 'a: 1\na: 2\n'],
  ['a key that is refused', '__proto__: 1\n'],
  ['a null key', '~: 1\n'],
  ['an explicit key', '? a\n: b\n'],
  ['broken indentation', 'a:\n  b: 1\n c: 2\n'],
  ['a tab', 'a:\n\tb: 1\n'],
  ['line ends of Windows', 'a: 1\r\n'],
  ['a mark of byte order', '\ufeffa: 1\n'],
  ['a directive', '%YAML 1.2\n---\na: 1\n'],
  ['a key inside of text', 'a: b: c\n'],
  ['an infinity', 'a: .inf\n'],
  ['an open bracket', 'a: [1\n'],
  ['a comment inside of a collection', '[a, # b\nc]\n'],
];

test.each(left)('%s is left to the exact parser', (_what, text) => {
  expect(parsePlainYaml(text, yamlDefaults)).toBe(null);
});

test('limits are those of the exact parser', () => {
  const documents = 'a: 1\n---\nb: 2\n';
  expect(parsePlainYaml(documents, { ...yamlDefaults, documentsMax: 1 })).toBe(null);
  expect(parsePlainYaml('a: [1, 2]\n', { ...yamlDefaults, nodesMax: 3 })).toBe(null);
  expect(parsePlainYaml('a: [1, 2]\n', { ...yamlDefaults, nodesMax: 4 })).not.toBe(null);
  expect(parsePlainYaml(`a: ${'['.repeat(201)}${']'.repeat(201)}\n`, yamlDefaults)).toBe(null);
});

/** Pieces that YAML tells apart, in an order that mostly means nothing. */
const pieces = [
  ...['a', 'key', 'name: ', 'a:', 'b:\n', '- ', '-', '\n', '\n', '\n', ' ', '  ', '    ', '---\n', '...\n'],
  ...['"x"', "'y'", '"a\\n"', "'it''s'", '{a: 1}', '[1, 2]', '{', '}', '[', ']', ',', ', ', ': ', ':', '?'],
  ...[
    '|\n',
    '|-\n',
    '|+\n',
    '>\n',
    '>-\n',
    '|2\n',
    '# c\n',
    ' # c',
    '#',
    '&x ',
    '*x',
    '!t ',
    '<<: ',
    '%',
    '@',
  ],
  ...[
    '1',
    '0777',
    '-1',
    '.5',
    '1e3',
    'yes',
    'null',
    '~',
    '.inf',
    '0x1F',
    '1_000',
    '\t',
    '\u00e9',
    '\\',
    '"',
    "'",
  ],
  ...[
    'text with words',
    'nginx:1.2',
    'http://x/y#z',
    'a - b',
    '--flag',
    '=',
    '`',
    '/path',
    'true: ',
    '"k": ',
    "'k': ",
  ],
];

test('any pieces in any order are read alike or left', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 24 }), (parts) => {
      agree(parts.join(''));
    }),
    { numRuns: 20_000 },
  );
});

type Place = 'beside' | 'below' | 'belowAtOnce' | 'anywhere';
const place = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom<Place>('beside', 'below', 'belowAtOnce') },
  { weight: 1, arbitrary: fc.constant<Place>('anywhere') },
);

/** A value behind its key or dash; collections mostly where they belong, and now and then where they do not. */
function under(head: string, lines: readonly string[], at: Place): string[] {
  const [first = '', ...others] = lines;
  const isCollection = /^(- |-$|[^ "'[{|>#]*:( |$))/.test(first);
  if (at === 'anywhere') return [`${head} ${first}`, ...others];
  if (!isCollection || (head === '-' && at === 'beside'))
    return [`${head} ${first}`, ...others.map((line) => `  ${line}`)];
  const pad = at === 'belowAtOnce' && first.startsWith('-') && head !== '-' ? '' : '  ';
  return [head, ...lines.map((line) => (line === '' ? '' : `${pad}${line}`))];
}

/** Mostly what people write; now and then what is read differently, or not at all. */
const scalar = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.constantFrom(
      ...['1', 'yes', 'text', '"q: x"', "'s'", '~', '', '0777', 'a b # c', '-x', '[]', '{}', '[a, {b: c}]'],
      ...['x:y', 'é', '"\\u0041"', '2001-01-01', '1.50', '.', '..', '{"a":1}', '# c', "'it''s' # c"],
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '---',
      '|',
      '>',
      '- a',
      'a: b',
      '!x',
      '&y z',
      '[a',
      '"x',
      '{a}',
      '[a: b]',
      'a:',
      '%',
    ),
  },
);
const key = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom('a', 'b', 'c-d', 'e.f/g', '1', 'on', '"q"', "'r s'", 'x', 'y_z') },
  { weight: 1, arbitrary: fc.constantFrom('h i', '?', 'null', '"q\\n"', 'constructor', '<<', '-', 'k ') },
);
const block = fc.constantFrom(
  ...['|', '|-', '|+', '>', '>-', '|1', '>+'].flatMap((header) => [
    [header, '  x'],
    [header, '  x', '  # y', '', '  y', ''],
    [header, '', '  x', '   z'],
    [header, '  x', '# c'],
    [header, '  x', ' # c'],
    [header, '  x', '   '],
    [header],
  ]),
);

const { collection } = fc.letrec<{ value: string[]; collection: string[] }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    { weight: 4, arbitrary: scalar.map((text) => [text]) },
    { weight: 1, arbitrary: block },
    { weight: 3, arbitrary: tie('collection') },
  ),
  collection: fc.oneof(
    fc
      .uniqueArray(fc.tuple(key, tie('value'), place), {
        minLength: 1,
        maxLength: 4,
        selector: ([name]) => name,
      })
      .map((entries) => entries.flatMap(([name, lines, at]) => under(`${name}:`, lines, at))),
    fc
      .array(fc.tuple(tie('value'), place), { minLength: 1, maxLength: 4 })
      .map((entries) => entries.flatMap(([lines, at]) => under('-', lines, at))),
  ),
}));

test('generated structures are read alike or left, and many are read', () => {
  let [read, all] = [0, 0];
  fc.assert(
    fc.property(
      fc.array(collection, { minLength: 1, maxLength: 3 }),
      fc.boolean(),
      (documents, endsInLine) => {
        const text = documents.map((lines) => lines.join('\n')).join('\n---\n') + (endsInLine ? '\n' : '');
        all++;
        if (agree(text)) read++;
      },
    ),
    { numRuns: 5000 },
  );
  expect(read).toBeGreaterThan(all / 10);
});
