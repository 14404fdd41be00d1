import { expect, test } from 'vitest';

import { Hints } from './hints.ts';
import { Loggers } from './logger.ts';

test('in the process that sends them hints arrive at once, each by itself, also while nobody else can be told', async () => {
  const hints = new Hints({ url: 'postgres://nobody.test', logger: new Loggers('silent').for('test') });
  const seen: string[][] = [];
  const off = hints.on('rollout', (ids) => seen.push(ids));
  hints.send('rollout', ['a', 'b']);
  hints.send('cluster', ['c']);
  hints.send('rollout', ['d']);
  expect(seen).toEqual([['a', 'b'], ['d']]);
  off();
  hints.send('rollout', ['e']);
  await hints.close();
  expect(seen.length).toBe(2);
});
