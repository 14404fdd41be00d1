import { expect, test } from 'vitest';
import { enginesOf, testFilesOf, tierOf } from './tiers.ts';

test.each([
  ['domain/src/sync/order.test.ts', 'unit'],
  ['control-plane/hub/src/audit/seal.db.test.ts', 'db'],
  ['agent/src/reconcile/drift.kube.test.ts', 'cluster'],
  ['test/e2e/path.test.ts', 'cluster'],
  ['test/fault/kill.test.ts', 'fault'],
])('%s is of tier %s', (file, tier) => {
  expect(tierOf(file)).toBe(tier);
});

test('a tier lists the files of this checkout, and no built or installed ones', () => {
  const files = testFilesOf('unit');
  expect(files).toContain('test/testkit/src/runner/tiers.test.ts');
  expect(files.filter((file) => file.includes('node_modules') || file.includes('/dist/'))).toEqual([]);
});

test.each([
  ['test/conformance/watch.test.ts', ['sim', 'real']],
  ['agent/src/reconcile/drift.kube.test.ts', ['sim', 'real']],
  ['test/testkit/src/kubelab.kube.test.ts', ['real']],
  ['test/e2e/path.test.ts', ['real']],
  ['deploy/local/src/demo/demo.kube.test.ts', ['sim']],
  ['test/fault/kill.test.ts', ['real']],
])('%s runs on %j', (file, engines) => {
  expect(enginesOf(file)).toEqual(engines);
});
