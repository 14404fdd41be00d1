import pg from 'pg';
import { expect, test } from 'vitest';

import { Batcher } from './batcher.ts';

/** A batcher whose batches are noted, and end when the test says so. */
function held(options: { itemsMax?: number; keyOf?: (item: string) => string } = {}) {
  const batches: string[][] = [];
  const ends: (() => void)[] = [];
  const batcher = new Batcher<string, string>({
    itemsMax: 100,
    ...options,
    run: async (items) => {
      batches.push([...items]);
      await new Promise<void>((resolve) => ends.push(resolve));
      return items.map((item) => item.toUpperCase());
    },
  });
  return { batcher, batches, endNext: () => ends.shift()?.() };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function turns(): Promise<void> {
  for (let n = 0; n < 5; n++) await turn();
}

test('what is asked together, and what is asked while a batch runs, goes as one; each gets its own answer', async () => {
  const { batcher, batches, endNext } = held();
  const first = Promise.all([batcher.ask('a'), batcher.ask('b')]);
  await turns();
  const second = Promise.all([batcher.ask('c'), batcher.ask('d')]);
  await turns();
  expect(batches).toEqual([['a', 'b']]);
  endNext();
  expect(await first).toEqual(['A', 'B']);
  await turns();
  endNext();
  expect(await second).toEqual(['C', 'D']);
  expect(batches).toEqual([
    ['a', 'b'],
    ['c', 'd'],
  ]);
});

test('a batch has no more items than it may', async () => {
  const { batcher, batches, endNext } = held({ itemsMax: 2 });
  const all = Promise.all(['a', 'b', 'c'].map((item) => batcher.ask(item)));
  await turns();
  endNext();
  await turns();
  endNext();
  expect(await all).toEqual(['A', 'B', 'C']);
  expect(batches).toEqual([['a', 'b'], ['c']]);
});

test('items of one key follow each other', async () => {
  const { batcher, batches, endNext } = held({ keyOf: (item) => item.slice(0, 1) });
  const all = Promise.all(['a1', 'b1', 'a2'].map((item) => batcher.ask(item)));
  await turns();
  endNext();
  await turns();
  endNext();
  expect(await all).toEqual(['A1', 'B1', 'A2']);
  expect(batches).toEqual([['a1', 'b1'], ['a2']]);
});

function settledWith(error: Error): Promise<PromiseSettledResult<string>[]> {
  const batcher = new Batcher<string, string>({
    itemsMax: 10,
    run: (items) => (items.includes('bad') ? Promise.reject(error) : Promise.resolve(items)),
  });
  return Promise.allSettled(['a', 'bad', 'b'].map((item) => batcher.ask(item)));
}

test('an item that Postgres refuses fails alone', async () => {
  const refused = Object.assign(new pg.DatabaseError('invalid', 1, 'error'), { code: '22021' });
  const settled = await settledWith(refused);
  expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

test('where Postgres is away all fail at once', async () => {
  const settled = await settledWith(new Error('connection terminated'));
  expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
});
