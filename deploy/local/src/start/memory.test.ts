import { expect, test } from 'vitest';
import { estimateMb, MemoryShortError, requireMemory } from './memory.ts';

const mb = 1_000_000;

test('a fleet that fits is let through', () => {
  expect(() => requireMemory('sim', 3, estimateMb('sim', 3) * mb)).not.toThrow();
  expect(() => requireMemory('sim', 200, 24_000 * mb)).not.toThrow();
});

test('one that does not fit is refused with the estimate, what is free, and how many would fit', () => {
  const ask = () => requireMemory('kubelab', 10, 2_000 * mb);
  expect(ask).toThrow(MemoryShortError);
  expect(ask).toThrow(
    '10 clusters need about 5890 MB of memory, and 2000 MB are free: free some, or ask for --clusters 2',
  );
  expect(() => requireMemory('sim', 200, 100 * mb)).toThrow(/MB of memory, and 100 MB are free: free some$/);
});
