import { parseBody } from '@flotilla/domain/desired/parse';
import { expect, test } from 'vitest';

import { projectSpec } from '../applications/project.ts';
import { applicationSpec, type ApplicationSpecInput } from '../applications/spec.ts';
import { bodyOf, bodyWithoutAssignment, encodedBody, operationOf } from './entry.ts';
import type { ApplicationRow } from './fleet.store.ts';

function applicationOf(syncPolicy: ApplicationSpecInput['syncPolicy'] = {}): ApplicationRow {
  const spec = applicationSpec.parse({
    sources: [{ repository: 'r', ref: { branch: 'main' } }],
    placement: { clusters: { selector: {} } },
    destination: { namespace: 'web' },
    syncPolicy,
    dependsOn: ['database'],
  });
  return {
    id: '00000000-0000-4000-8000-000000000001',
    name: 'web',
    project: 'default',
    projectSpec: projectSpec.parse({}),
    spec,
  } as ApplicationRow;
}

test('a body is what an agent reads back', () => {
  const application = applicationOf({
    prune: true,
    selfHeal: true,
    serviceAccount: 'web/deployer',
    syncOptions: { createNamespace: true, managedNamespaceMetadata: { labels: { a: 'b' } } },
  });
  const parsed = parseBody(encodedBody(bodyOf(application)).bytes);
  expect(parsed).toEqual({ ok: true, value: bodyOf(application) });
  expect(parsed).toMatchObject({
    value: {
      destinationNamespace: 'web',
      prune: { enabled: true, allowEmpty: false },
      sync: { selfHeal: true, createNamespace: true, managedNamespaceMetadata: { labels: { a: 'b' } } },
      dependsOn: ['database'],
      allowed: { namespaces: ['*'] },
      serviceAccount: 'web/deployer',
    },
  });
});

test('turning on what may destroy waits for the next assignment; turning it off does not', () => {
  const off = bodyOf(applicationOf({ selfHeal: false }));
  const on = bodyOf(
    applicationOf({
      selfHeal: true,
      prune: true,
      allowEmpty: true,
      syncOptions: { force: true, replace: true },
    }),
  );
  const turnedOn = bodyWithoutAssignment(off, on);
  expect(turnedOn.prune).toEqual({ enabled: false, allowEmpty: false });
  expect(turnedOn.sync).toMatchObject({ force: false, replace: false, selfHeal: true });
  expect(bodyWithoutAssignment(on, off)).toEqual(off);
  expect(bodyWithoutAssignment(on, on)).toEqual(on);
});

test('an operation holds only what was asked for', () => {
  expect(operationOf(undefined)).toEqual({});
  expect(operationOf({ force: false, initiatedBy: 'ada' })).toEqual({ initiatedBy: 'ada' });
  expect(operationOf({ force: true, initiatedBy: 'ada' })).toEqual({ force: true, initiatedBy: 'ada' });
});
