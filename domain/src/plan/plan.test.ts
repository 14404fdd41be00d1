/** A plan's bytes are equal exactly where the same would change; a fleet's plans are grouped, judged and said in a sentence. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Sha256 } from '../digest/sha256.ts';
import type { KubeObject } from '../object/types.ts';
import { fieldChanges, fieldTextMax, refusalText } from './fields.ts';
import { groupFleet, sampleMax, type ResultPart } from './group.ts';
import { problemOfPlan } from './message.ts';
import { parsePlan } from './parse.ts';
import { noCounts, plannedActions, type PlanCounts, type PlannedObject } from './plan.ts';
import { summaryOf } from './summary.ts';
import { encodePlan, planDigest, plannedFieldsMax, targetPlanOf } from './targetPlan.ts';
import { noTally, planVerdicts, verdictOfFleet, verdictOfTarget, type FleetTally } from './verdict.ts';

const sha256: Sha256 = (bytes) => createHash('sha256').update(bytes).digest();

const object = fc
  .record({ kind: fc.constantFrom('ConfigMap', 'Secret'), name: fc.stringMatching(/^[a-z]{1,4}$/) })
  .map(({ kind, name }) => ({ group: '', kind, namespace: 'shop', name }));
const text = fc.string({ maxLength: 40 }).map((value) => value.toWellFormed());
const field = fc.record({ path: text, before: fc.option(text), after: fc.option(text) });
const digest = text.map((value) => createHash('sha256').update(value).digest('hex'));
const planned: fc.Arbitrary<PlannedObject> = fc.oneof(
  fc.record({ object, action: fc.constant('create' as const), content: digest, note: text }),
  fc.record({
    object,
    action: fc.constant('change' as const),
    fields: fc.array(field, { maxLength: 4 }),
    omitted: fc.constant(null),
    recreated: fc.boolean(),
    note: text,
  }),
  fc.record({ object, action: fc.constant('delete' as const) }),
  fc.record({ object, action: fc.constant('keep' as const), reason: text }),
  fc.record({
    object,
    action: fc.constant('run' as const),
    phase: fc.constantFrom('PreSync' as const, 'PostSync' as const),
    note: text,
  }),
  fc.record({ object, action: fc.constant('unknown' as const), message: text }),
  fc.record({
    object,
    action: fc.constant('fail' as const),
    reason: fc.constantFrom('Refused' as const, 'Immutable' as const),
    message: text,
  }),
);
const objects = fc.uniqueArray(planned, {
  selector: (one) => `${one.object.kind}/${one.object.name}`,
  maxLength: 12,
});

describe('a plan of one target', () => {
  test('is the same bytes in whatever order its objects were found, and reads back as it was', () => {
    fc.assert(
      fc.property(objects, fc.nat(50), fc.infiniteStream(fc.nat()), (found, unchanged, random) => {
        const plan = targetPlanOf(found, unchanged, sha256);
        const shuffled = found
          .map((one) => ({ one, at: random.next().value as number }))
          .sort((a, b) => a.at - b.at)
          .map(({ one }) => one);
        expect(planDigest(targetPlanOf(shuffled, unchanged, sha256), sha256)).toBe(planDigest(plan, sha256));
        expect(parsePlan(encodePlan(plan))).toEqual({ ok: true, value: plan });
      }),
    );
  });

  test('counts every object, also those that it leaves out for their size, and a difference there still tells', () => {
    fc.assert(
      fc.property(objects, fc.integer({ min: 0, max: 600 }), (found, bytesMax) => {
        const plan = targetPlanOf(found, 3, sha256, bytesMax);
        const total = plannedActions.reduce((sum, action) => sum + plan.counts[action], 0);
        expect(total).toBe(found.length + 3);
        expect(plan.objects.length + (plan.omitted?.count ?? 0)).toBe(found.length);
        if (plan.omitted === null) return;
        const last = found.map((one) => targetPlanOf([one], 0, sha256).objects[0]);
        const unlisted = last.find((one) => !plan.objects.some((listed) => listed.object === one?.object));
        const changed = found.map((one) =>
          one.object === unlisted?.object
            ? { object: one.object, action: 'keep' as const, reason: 'another' }
            : one,
        );
        if (unlisted?.action === 'keep' && unlisted.reason === 'another') return;
        expect(planDigest(targetPlanOf(changed, 3, sha256, bytesMax), sha256)).not.toBe(
          planDigest(plan, sha256),
        );
      }),
    );
  });

  test('lists what would fail before everything else', () => {
    fc.assert(
      fc.property(objects, (found) => {
        const at = targetPlanOf(found, 0, sha256).objects.map(({ action }) => plannedActions.indexOf(action));
        expect(at).toEqual(at.toSorted((a, b) => a - b));
      }),
    );
  });

  test('cuts the fields of an object, and a difference in the cut ones still tells', () => {
    const change = (last: string): PlannedObject => ({
      object: { group: '', kind: 'ConfigMap', namespace: '', name: 'a' },
      action: 'change',
      fields: Array.from({ length: plannedFieldsMax + 5 }, (_, at) => ({
        path: `/data/${at}`,
        before: null,
        after: at === plannedFieldsMax + 4 ? last : 'same',
      })),
      omitted: null,
      recreated: false,
      note: '',
    });
    const [one, other] = [
      targetPlanOf([change('a')], 0, sha256),
      targetPlanOf([change('b')], 0, sha256),
    ] as const;
    expect(one.objects[0]).toMatchObject({ omitted: { count: 5 } });
    expect(planDigest(one, sha256)).not.toBe(planDigest(other, sha256));
  });

  test.each([
    ['no JSON', '{'],
    ['no counts', '{"objects":[]}'],
    ['an unchanged object in the list', encodeWith([{ action: 'unchanged' }])],
    ['an action that nobody knows', encodeWith([{ action: 'explode' }])],
    ['a digest that is none', encodeWith([{ action: 'create', content: 'x', note: '' }])],
  ])('with %s is refused', (_what, bytes) => {
    expect(parsePlan(new TextEncoder().encode(bytes)).ok).toBe(false);
  });

  test('says in a line what would fail first', () => {
    const fail = (name: string): PlannedObject => ({
      object: { group: 'apps', kind: 'Deployment', namespace: 'shop', name },
      action: 'fail',
      reason: 'Refused',
      message: 'admission webhook "policy" denied the request',
    });
    const plan = targetPlanOf([fail('web'), fail('api')], 4, sha256);
    expect(problemOfPlan(plan)).toBe(
      'apps/Deployment/shop/api: admission webhook "policy" denied the request (and 1 more)',
    );
    expect(problemOfPlan(targetPlanOf([], 4, sha256))).toBe('');
  });
});

function encodeWith(items: Record<string, unknown>[]): string {
  const identity = { group: '', kind: 'ConfigMap', namespace: 'shop', name: 'a' };
  return JSON.stringify({
    counts: noCounts(),
    objects: items.map((item) => ({ object: identity, ...item })),
    omitted: null,
  });
}

function manifest(kind: string, data: Record<string, string>, more: object = {}): KubeObject {
  return { apiVersion: 'v1', kind, metadata: { name: 'a', namespace: 'shop', ...more }, data };
}

describe('fields', () => {
  test('have both sides, and the bookkeeping of the server is none of them', () => {
    const live = {
      ...manifest('ConfigMap', { keep: '1', drop: '2', turn: '3' }, { resourceVersion: '1' }),
      status: {},
    };
    const planned = manifest('ConfigMap', { keep: '1', turn: '4', make: '5' }, { resourceVersion: '2' });
    expect(fieldChanges(live, planned, sha256)).toEqual([
      { path: '/data/drop', before: '"2"', after: null },
      { path: '/data/make', before: null, after: '"5"' },
      { path: '/data/turn', before: '"3"', after: '"4"' },
    ]);
  });

  test('of a Secret say that they differ, and nothing of what they are', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z0-9]{8,40}$/),
        fc.stringMatching(/^[a-z0-9]{8,40}$/),
        (one, two) => {
          const changes = fieldChanges(
            manifest('Secret', { password: one, gone: one, same: one }),
            manifest('Secret', { password: two, made: two, same: one }),
            sha256,
          );
          const shown = JSON.stringify(changes);
          expect(shown).not.toContain(one);
          expect(shown).not.toContain(two);
          const paths = changes.map(({ path }) => path);
          expect(paths).toEqual(['/data/gone', '/data/made', ...(one === two ? [] : ['/data/password'])]);
        },
      ),
    );
  });

  test('that are long are cut, and still differ where only their ends do', () => {
    const long = 'x'.repeat(fieldTextMax * 2);
    const changes = (end: string) =>
      fieldChanges(manifest('ConfigMap', { a: '' }), manifest('ConfigMap', { a: long + end }), sha256);
    expect(changes('1')[0]?.after?.length).toBeLessThan(fieldTextMax + 100);
    expect(changes('1')).not.toEqual(changes('2'));
  });

  test('a refusal of a Secret quotes nothing', () => {
    const words = 'Secret "a" is invalid: data[x]: Invalid value: "hunter2\\"": must be base64';
    expect(refusalText('Secret', words)).not.toContain('hunter2');
    expect(refusalText('ConfigMap', words)).toBe(words);
  });
});

test.each<[Partial<PlanCounts>, string]>([
  [{ unchanged: 4 }, 'clean'],
  [{ keep: 2 }, 'clean'],
  [{ create: 1 }, 'changes'],
  [{ change: 1 }, 'changes'],
  [{ delete: 1 }, 'changes'],
  [{ run: 1 }, 'changes'],
  [{ create: 1, unknown: 1 }, 'incomplete'],
  [{ unknown: 1, fail: 1 }, 'failing'],
])('a target with %j is %s', (counts, verdict) => {
  expect(verdictOfTarget({ ...noCounts(), ...counts })).toBe(verdict);
});

test.each<[Partial<FleetTally>, string, string]>([
  [{}, 'clean', 'clean'],
  [{ clean: 3 }, 'clean', 'clean'],
  [{ clean: 3, changes: 1 }, 'changes', 'changes'],
  [{ changes: 1, offline: 1 }, 'incomplete', 'changes'],
  [{ clean: 1, offline: 1 }, 'incomplete', 'clean'],
  [{ changes: 1, noAnswer: 1 }, 'incomplete', 'incomplete'],
  [{ changes: 1, error: 1 }, 'incomplete', 'incomplete'],
  [{ clean: 1, waiting: 1 }, 'incomplete', 'incomplete'],
  [{ clean: 1, incomplete: 1 }, 'incomplete', 'incomplete'],
  [{ failing: 1, waiting: 9, offline: 1 }, 'failing', 'failing'],
])('a fleet of %j is %s, and %s where offline clusters are ignored', (tally, verdict, ignoring) => {
  expect(verdictOfFleet({ ...noTally(), ...tally })).toBe(verdict);
  expect(verdictOfFleet({ ...noTally(), ...tally }, true)).toBe(ignoring);
});

function answered(cluster: string, of: string, verdict: ResultPart['verdict'], message = ''): ResultPart {
  return { clusters: 1, sample: [cluster], state: 'Answered', digest: of, verdict, message };
}

function many(count: number, of: string, verdict: ResultPart['verdict']): ResultPart[] {
  return Array.from({ length: count }, (_, at) =>
    answered(`${of}-${String(at).padStart(4, '0')}`, of, verdict),
  );
}

const away = (cluster: string): ResultPart => ({
  clusters: 1,
  sample: [cluster],
  state: 'Offline',
  digest: null,
  verdict: null,
  message: '',
});

test.each<[string, ResultPart[], string]>([
  ['no cluster', [], 'on no cluster'],
  ['clean', many(2, 'a', 'clean'), 'no change on 2 clusters'],
  ['one', many(1, 'a', 'changes'), 'a change on 1 cluster'],
  [
    'partly clean',
    [...many(2, 'a', 'changes'), ...many(1, 'b', 'clean')],
    'same change on 2 clusters; no change on 1',
  ],
  [
    'a fleet',
    [
      ...many(812, 'a', 'changes'),
      ...many(2, 'b', 'changes'),
      ...many(1, 'c', 'changes'),
      answered('x', 'd', 'failing', 'admission webhook "policy" denied'),
      answered('y', 'd', 'failing', 'admission webhook "policy" denied'),
      away('z'),
    ],
    'same change on 812 clusters; 3 differ: b-0000, b-0001, c-0000; 2 would fail: admission webhook "policy" denied; 1 offline',
  ],
  [
    'a fleet for some of which it does not render',
    [
      ...many(2, 'a', 'changes'),
      { ...away('y'), state: 'Error', verdict: 'failing', message: 'second' },
      { ...away('x'), state: 'Error', verdict: 'failing', message: 'cluster.labels.x is not defined' },
    ],
    'same change on 2 clusters; 2 would fail: cluster.labels.x is not defined',
  ],
])('the sentence of %s', (_what, results, sentence) => {
  expect(summaryOf(groupFleet(results))).toBe(sentence);
});

/** As a store counts them: one part for each that is equal. */
function counted(results: readonly ResultPart[]): ResultPart[] {
  const parts = Map.groupBy(results, ({ state, digest: of, verdict }) => `${state}/${of}/${verdict}`);
  return [...parts.values()].map((members) => {
    const names = members.flatMap(({ sample }) => sample).sort();
    const [first] = members;
    if (first === undefined) throw new Error('a part has members');
    return { ...first, clusters: members.length, sample: names.slice(0, sampleMax) };
  });
}

test('every target is in one group or one count of the tally, whatever the order of their answers', () => {
  const result = fc.record({
    cluster: fc.uuid(),
    state: fc.constantFrom('Waiting' as const, 'Answered' as const, 'Offline' as const, 'NoAnswer' as const),
    at: fc.nat(4),
  });
  fc.assert(
    fc.property(fc.uniqueArray(result, { selector: ({ cluster }) => cluster }), (found) => {
      const results = found.map(({ cluster, state, at }): ResultPart => {
        const verdict = planVerdicts[at % planVerdicts.length] ?? 'clean';
        return state === 'Answered'
          ? answered(cluster, `digest ${at % planVerdicts.length}`, verdict)
          : { ...away(cluster), state };
      });
      const fleet = groupFleet(results);
      const inGroups = fleet.groups.reduce((sum, { clusters }) => sum + clusters, 0);
      expect(inGroups).toBe(results.filter(({ state }) => state === 'Answered').length);
      expect(Object.values(fleet.tally).reduce((sum, count) => sum + count, 0)).toBe(results.length);
      expect(groupFleet(results.toReversed())).toEqual(fleet);
      expect(groupFleet(counted(results))).toEqual(fleet);
    }),
  );
});
