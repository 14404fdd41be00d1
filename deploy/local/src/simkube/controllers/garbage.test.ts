import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../types.ts';
import { garbagePlan } from './garbage.ts';
import { NOW } from './objects.fixture.ts';

function object(name: string, more: Partial<KubeObject['metadata']> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'ns', uid: name, ...more } };
}

function ownedBy(...names: string[]): Partial<KubeObject['metadata']> {
  const ownerReferences = names.map((name) => ({ apiVersion: 'v1', kind: 'ConfigMap', name, uid: name }));
  return {
    ownerReferences: ownerReferences.map((reference) => ({ ...reference, blockOwnerDeletion: true })),
  };
}

function plan(subject: KubeObject, others: KubeObject[] = [], dependents: KubeObject[] = []): unknown[] {
  const ownerOf = ({ uid }: { uid: string }): KubeObject | undefined =>
    others.find(({ metadata }) => metadata.uid === uid);
  return garbagePlan({ object: subject, dependents, ownerOf }).writes.map((write) => {
    if (write.do === 'event') return write.do;
    const { name, ownerReferences = [], finalizers = [] } = write.object.metadata;
    const rest = write.do === 'delete' ? [write.propagation] : [ownerReferences.length, finalizers];
    return [write.do, name, ...rest];
  });
}

describe('what has owners', () => {
  const waiting = object('a', { deletionTimestamp: NOW, finalizers: ['foregroundDeletion'] });

  test('stays while one of them lives', () => {
    expect(plan(object('x', ownedBy('a')), [object('a')])).toEqual([]);
  });

  test('goes when the last is gone', () => {
    expect(plan(object('x', ownedBy('a')))).toEqual([['delete', 'x', 'Background']]);
  });

  test('forgets the one that is gone while another lives', () => {
    expect(plan(object('x', ownedBy('a', 'b')), [object('b')])).toEqual([['update', 'x', 1, []]]);
  });

  test('goes before an owner that waits, and waits for its own dependents first', () => {
    expect(plan(object('x', ownedBy('a')), [waiting])).toEqual([['delete', 'x', 'Background']]);
    const dependents = [object('y', ownedBy('x'))];
    expect(plan(object('x', ownedBy('a')), [waiting], dependents)).toEqual([['delete', 'x', 'Foreground']]);
  });

  test('holds a waiting owner only while it blocks it', () => {
    expect(plan(waiting, [], [object('x', ownedBy('a'))])).toEqual([]);
    expect(plan(waiting)).toEqual([['update', 'a', 0, []]]);
  });

  test('is left behind by an owner that is to be deleted alone', () => {
    const leaving = object('a', { deletionTimestamp: NOW, finalizers: ['orphan'] });
    expect(plan(leaving, [], [object('x', ownedBy('a'))])).toEqual([
      ['update', 'x', 0, []],
      ['update', 'a', 0, []],
    ]);
  });
});
