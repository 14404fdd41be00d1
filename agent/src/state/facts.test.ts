import { appendFile, mkdtemp, symlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { FactBody } from '@flotilla/domain/status/observed';
import { systemClock } from '../clock.ts';
import type { FactRing } from './facts.ts';
import { openFactRing } from './facts.ts';

const clock = systemClock();

function removed(target: string): FactBody {
  return { type: 'Removed', target, assignment: 1, mode: 'delete' };
}

async function folderOf(): Promise<string> {
  return mkdtemp(path.join(os.tmpdir(), 'flotilla-facts-'));
}

function targetsOf(ring: FactRing): string[] {
  return ring
    .pending(100)
    .map((fact) => ('target' in fact ? `${fact.number} ${fact.target}` : `${fact.number} ${fact.type}`));
}

test('facts survive a restart with their numbers and incarnation, and go when they are acked', async () => {
  const folder = await folderOf();
  const first = await openFactRing({ folder, clock });
  await Promise.all(['a', 'b', 'c'].map((target) => first.append(removed(target))));
  const incarnation = first.incarnation();
  await first.close();
  const second = await openFactRing({ folder, clock });
  expect(second.incarnation()).toBe(incarnation);
  expect(targetsOf(second)).toEqual(['1 a', '2 b', '3 c']);
  await second.acked(2);
  await second.append(removed('d'));
  expect(targetsOf(second)).toEqual(['3 c', '4 d']);
  await second.acked(4);
  await second.close();
  const third = await openFactRing({ folder, clock });
  await third.append(removed('e'));
  expect(third.lastNumber()).toBeGreaterThanOrEqual(5);
});

test('a torn last line is a fact that never was; what stands before it stays', async () => {
  const folder = await folderOf();
  const ring = await openFactRing({ folder, clock });
  await ring.append(removed('a'));
  await ring.close();
  await appendFile(path.join(folder, 'facts'), '{"number":2,"type":"Remo');
  const again = await openFactRing({ folder, clock });
  expect(targetsOf(again)).toEqual(['1 a']);
  await again.append(removed('b'));
  expect(targetsOf(again)).toEqual(['1 a', '2 b']);
});

test('argocd-agent: what a full queue drops is dropped silently: here the ring is bounded, and what it dropped is itself a fact', async () => {
  const ring = await openFactRing({ folder: await folderOf(), clock, countMax: 20 });
  for (let at = 0; at < 50; at += 1) await ring.append(removed(`t${at}`));
  const facts = ring.pending(100);
  expect(facts.length).toBeLessThanOrEqual(21);
  const dropped = facts.reduce((sum, fact) => sum + (fact.type === 'Overflow' ? fact.dropped : 0), 0);
  const kept = facts.filter((fact) => fact.type !== 'Overflow').length;
  expect(dropped + kept).toBe(50);
});

test('a hub that knows more facts than the ring makes it start a new incarnation', async () => {
  const ring = await openFactRing({ folder: await folderOf(), clock });
  await ring.append(removed('a'));
  const before = ring.incarnation();
  await ring.reincarnateIfBelow(1);
  expect(ring.incarnation()).toBe(before);
  await ring.reincarnateIfBelow(9);
  expect(ring.incarnation()).not.toBe(before);
  expect(targetsOf(ring)).toEqual(['1 a']);
});

test.skipIf(process.platform !== 'linux')(
  'a full disk at the start loses nothing that was known',
  async () => {
    const folder = await folderOf();
    const first = await openFactRing({ folder, clock });
    await first.append(removed('a'));
    await first.close();
    await appendFile(path.join(folder, 'facts'), '{"number":2,"typ');
    await symlink('/dev/full', path.join(folder, 'facts.tmp'));
    const second = await openFactRing({ folder, clock });
    expect(targetsOf(second)).toEqual(['1 a']);
    await second.append(removed('b'));
    await second.close();
    expect(targetsOf(await openFactRing({ folder, clock }))).toEqual(['1 a', '2 b']);
  },
);
