/** Which windows of a project are for which target. */
import { expect, test } from 'vitest';
import { projectSpec } from '../applications/project.ts';
import { windowsOfTargets } from './syncWindows.ts';

const web = { name: 'web', namespace: 'shop' };
const targets = [
  { id: 'a', clusterName: 'dev-1', labels: { env: 'dev' } },
  { id: 'b', clusterName: 'prod-1', labels: { env: 'prod' } },
  { id: 'c', clusterName: 'prod-2', labels: { env: 'prod' } },
];

function windows(...written: object[]) {
  const times = { kind: 'deny', schedule: '0 0 * * *', duration: '8h' };
  return projectSpec.parse({ syncWindows: written.map((one) => ({ ...times, ...one })) }).syncWindows;
}

test('a window that says nothing of whom it is for is for every target', () => {
  const of = windowsOfTargets(windows({}), web, targets);
  expect(targets.map(({ id }) => of(id).length)).toEqual([1, 1, 1]);
  expect(of('a')).toBe(of('b'));
});

test('applications and namespaces are globs, and both must match', () => {
  const of = (written: object) => windowsOfTargets(windows(written), web, targets)('a').length;
  expect(of({ applications: ['w*'] })).toBe(1);
  expect(of({ applications: ['api'] })).toBe(0);
  expect(of({ applications: ['w*'], namespaces: ['kube-*'] })).toBe(0);
});

test('clusters are picked by name or by label, and targets with the same windows share them', () => {
  const written = windows(
    { clusters: { selector: { matchLabels: { env: 'prod' } } } },
    { clusters: { names: ['dev-*'] } },
  );
  const of = windowsOfTargets(written, web, targets);
  expect(targets.map(({ id }) => of(id).length)).toEqual([1, 1, 1]);
  expect(of('b')).toBe(of('c'));
  expect(of('a')).not.toBe(of('b'));
});

test('a target that is not known has none', () => {
  expect(windowsOfTargets(windows({}), web, [])('a')).toEqual([]);
});

test.each([
  [{ schedule: 'daily' }, 'schedule'],
  [{ duration: 'long' }, 'duration'],
  [{ timeZone: 'Nowhere' }, 'timeZone'],
])('%j is refused at its field', (written, field) => {
  const times = { kind: 'deny', schedule: '0 0 * * *', duration: '8h' };
  const parsed = projectSpec.safeParse({ syncWindows: [{ ...times, ...written }] });
  expect(parsed.error?.issues.map(({ path }) => path.join('.'))).toEqual([`syncWindows.0.${field}`]);
});
