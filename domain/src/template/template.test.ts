import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyTemplates } from './apply.ts';
import { type ClusterValues } from './cluster.ts';
import { ClusterReader, evaluate } from './evaluate.ts';
import { parseTemplate } from './parse.ts';
import { basePath, evaluatePath, templateBelow } from './path.ts';

const cluster: ClusterValues = {
  name: 'eu-1',
  labels: {
    region: 'eu',
    Tier: 'Gold',
    replicas: '3',
    canary: 'true',
    'topology.kubernetes.io/zone': 'eu-1a',
    empty: '',
  },
  facts: { kubernetes: 'v1.36.3+k3s1', nodes: '5' },
};

function run(text: string, of: ClusterValues = cluster) {
  const reader = new ClusterReader(of);
  const parsed = parseTemplate(text);
  const result = parsed.ok ? evaluate(parsed.template, reader) : parsed;
  return { result, reads: reader.reads };
}

function messageOf(text: string): string {
  const { result } = run(text);
  return result.ok ? '' : `${result.problem.expression}: ${result.problem.message}`;
}

describe('a template', () => {
  test.each<[string, string | number | boolean]>([
    ['plain } }} text', 'plain } }} text'],
    ['{{ cluster.name }}', 'eu-1'],
    ['{{cluster.name}}', 'eu-1'],
    ['a-{{ cluster.labels.region }}-{{ cluster.name }}.example.com', 'a-eu-eu-1.example.com'],
    ['{{ cluster.labels["topology.kubernetes.io/zone"] }}', 'eu-1a'],
    ["{{ cluster.labels['topology.kubernetes.io/zone'] }}", 'eu-1a'],
    ['{{ cluster.labels . region }}'.replace(' . ', '.'), 'eu'],
    ['{{ cluster.labels.empty }}', ''],
    ['{{ cluster.labels.empty | default "x" }}', ''],
    ['{{ cluster.labels.none | default "x" }}', 'x'],
    ['{{ cluster.labels.none | lower | default "X" | lower }}', 'x'],
    ['{{ cluster.labels.constructor | default "own labels only" }}', 'own labels only'],
    ['{{ cluster.labels.Tier | lower }}/{{ cluster.labels.Tier | upper }}', 'gold/GOLD'],
    ['{{ cluster.facts.kubernetes | trimPrefix "v" | trimSuffix "+k3s1" | replace "." "-" }}', '1-36-3'],
    ['{{ cluster.name | replace "-" "$&" }}', 'eu$&1'],
    ['{{ cluster.labels.replicas }}', '3'],
    ['{{ cluster.labels.replicas | int }}', 3],
    ['{{ cluster.labels.none | default "-2" | int }}', -2],
    ['{{ cluster.labels.canary | bool }}', true],
    ['{{ "{{" }} .Values.x }}', '{{ .Values.x }}'],
    ['{{ "a\\"}}\\u00e9" }}', 'a"}}é'],
    ["{{ 'a\"b\\' }}", 'a"b\\'],
    ['{{\n  cluster.labels.none\n  | default "x"\n}}', 'x'],
  ])('%j is %j', (text, expected) => {
    expect(run(text).result).toEqual({ ok: true, value: expected });
  });

  test.each<[string, RegExp]>([
    [
      '{{ cluster.labels.none }}',
      /^\{\{ cluster\.labels\.none \}\}: cluster\.labels\.none is not defined: the cluster has no such label; set it/,
    ],
    ['{{ cluster.labels["a/b"] | lower }}', /cluster\.labels\["a\/b"\] is not defined/],
    ['{{ cluster.facts.none }}', /the cluster has no such fact/],
    ['{{ .Values.x }}', /a value is expected at '\.Values\.x }}'.*\{\{ "\{\{" \}\}/],
    ['{{ cluster.labels }}', /is read by cluster\.labels\.NAME/],
    ['{{ cluster.labels.a.b }}', /is read by cluster\.labels\.NAME/],
    ['{{ cluster.labels.a/b }}', /is read by cluster\.labels\.NAME/],
    ['{{ cluster.labelsx }}', /a value is expected/],
    ['{{ cluster.nameless }}', /a value is expected/],
    ['{{ cluster.name', /'}}' is expected where the text ends/],
    ['{{ cluster.name | shout }}', /there is no filter 'shout': there are default, lower/],
    ['{{ cluster.name | default }}', /the filter 'default' takes 1 quoted texts, not 0/],
    ['{{ cluster.name | replace "" "x" }}', /cannot look for an empty text/],
    ['{{ cluster.name | }}', /a filter is missing/],
    ['{{ cluster.name | int }}', /"eu-1" is no integer/],
    ['{{ cluster.name | bool }}', /neither "true" nor "false"/],
    ['{{ cluster.labels.replicas | int | lower }}', /the filter 'int' must be the last one/],
    ['n: {{ cluster.labels.replicas | int }}', /nothing may stand around/],
    ['{{ "\\x" }}', /its escapes are those of JSON/],
  ])('%j is refused: %s', (text, expected) => {
    expect(messageOf(text)).toMatch(expected);
  });

  test.each<[string, RegExp, string]>([
    ['a result', /more than 8192 characters/, `{{ "${'a'.repeat(900)}" | replace "a" "${'b'.repeat(90)}" }}`],
    ['a name', /at most 317 characters/, `{{ cluster.labels["${'a'.repeat(318)}"] }}`],
    ['filters', /more than 16 filters/, `{{ cluster.name ${'| lower '.repeat(17)}}}`],
    ['an expression', /a value is expected/, `{{ "${'a'.repeat(1100)}" }}`],
    ['expressions', /more than 1000 expressions/, '{{cluster.name}}'.repeat(1001)],
  ])('%s cannot be too long: %s', (_what, expected, text) => {
    expect(messageOf(text)).toMatch(expected);
  });

  test('what was read is told with its value, also what was not there', () => {
    expect(
      run('{{ cluster.name }} {{ cluster.labels.none | default "x" }} {{ cluster.facts.nodes }}').reads,
    ).toEqual({
      'cluster.name': 'eu-1',
      'cluster.labels.none': null,
      'cluster.facts.nodes': '5',
    });
    expect(run('{{ cluster.labels.none }}').reads).toEqual({ 'cluster.labels.none': null });
  });

  const alphabet = [
    '{{',
    '}}',
    ' ',
    '|',
    'cluster',
    '.name',
    '.labels',
    '.a',
    '["a/b"]',
    '"',
    "'",
    '\\',
    'default',
    'replace',
    'int',
    '"x"',
    'é',
    '\n',
  ];
  const texts = fc.array(fc.constantFrom(...alphabet), { maxLength: 30 }).map((parts) => parts.join(''));
  const values = fc.dictionary(fc.constantFrom('a', 'a/b', 'x'), fc.string());
  const clusters = fc.record({ name: fc.string(), labels: values, facts: values });

  test('any text, for any cluster, comes to a value or to a problem', () => {
    fc.assert(
      fc.property(texts, clusters, (text, of) => {
        const { result } = run(text, of);
        if (!text.includes('{{')) expect(result).toEqual({ ok: true, value: text });
        else if (!result.ok) expect(result.problem.message).not.toBe('');
      }),
      { numRuns: 2000 },
    );
  });

  test('clusters that agree in what was read get the same', () => {
    fc.assert(
      fc.property(texts, clusters, clusters, (text, one, other) => {
        const { result, reads } = run(text, one);
        const agreed = { name: other.name, labels: { ...other.labels }, facts: { ...other.facts } };
        for (const [name, value] of Object.entries(reads)) {
          if (name === 'cluster.name') {
            agreed.name = value ?? '';
            continue;
          }
          const [, of, key] = /^cluster\.(labels|facts)\.(.*)$/s.exec(name) ?? [];
          const map = of === 'labels' ? agreed.labels : agreed.facts;
          if (value === null) delete map[key ?? ''];
          else map[key ?? ''] = value;
        }
        expect(run(text, agreed)).toEqual({ result, reads });
      }),
    );
  });

  test('any text can be written so that it means itself', () => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(run(text.replaceAll('{{', '{{ "{{" }}')).result).toEqual({ ok: true, value: text });
      }),
    );
  });
});

describe('a document', () => {
  const limits = { problemsMax: 20, charactersMax: 1000 };

  test('only text is replaced, and what holds no template is shared', () => {
    const document = {
      a: ['{{ cluster.name }}', 1, null],
      b: { c: '{{ cluster.labels.replicas | int }}' },
      d: { e: 'x' },
    };
    const { value, problems } = applyTemplates(document, new ClusterReader(cluster), limits);
    expect(problems).toEqual([]);
    expect(value).toEqual({ a: ['eu-1', 1, null], b: { c: 3 }, d: { e: 'x' } });
    expect((value as typeof document).d).toBe(document.d);
  });

  test('problems name the place, a key is never a template, and what aliases share is told once', () => {
    const shared = { x: '{{ cluster.labels.none }}' };
    const document = { spec: [shared, shared], '{{ cluster.name }}': 1 };
    const { problems } = applyTemplates(document, new ClusterReader(cluster), limits);
    expect(problems.map(({ path, message }) => [path, message.slice(0, 30)])).toEqual([
      ['spec.0.x', 'cluster.labels.none is not def'],
      ['{{ cluster.name }}', 'a key cannot be a template'],
    ]);
  });

  test('what templates give is bounded', () => {
    const document = Array.from({ length: 300 }, () => '{{ cluster.name }}');
    const { problems } = applyTemplates(document, new ClusterReader(cluster), limits);
    expect(problems[0]).toMatchObject({
      path: '250',
      message: 'its templates give more than 1000 characters',
    });
  });
});

describe('a path', () => {
  test.each([
    ['apps/web', 'apps/web', null],
    ['apps/{{ cluster.name }}', 'apps', '{{ cluster.name }}'],
    ['apps/web-{{ cluster.labels.region }}/x', 'apps', 'web-{{ cluster.labels.region }}/x'],
    ['{{ cluster.name }}', '.', '{{ cluster.name }}'],
    ['web-{{ cluster.name }}', '.', 'web-{{ cluster.name }}'],
  ])('%s is fetched from %s', (path, base, below) => {
    expect([basePath(path), templateBelow(path)]).toEqual([base, below]);
  });

  test.each([
    ['{{ cluster.labels.region }}/{{ cluster.name }}', { ok: true, path: 'eu/eu-1' }],
    ['{{ cluster.labels.empty }}', { ok: false, message: "'' is no path below its source" }],
    ['x/{{ "../../y" }}', { ok: false, message: "'x/../../y' is no path below its source" }],
  ])('%s', (template, expected) => {
    expect(evaluatePath(template, new ClusterReader(cluster))).toEqual(expected);
  });
});
