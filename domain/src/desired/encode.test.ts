import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeHead, encodeHeads } from './encode.ts';
import type { Head } from './entry.ts';

const digest = fc.constantFrom('a'.repeat(64), 'b'.repeat(64));
const operation = fc.constantFrom<Head['operation']>({}, { force: true }, { initiatedBy: 'ada "é"' });

/** Of few values a member, so that neighbours are alike in all but one as often as not. */
const anyHead: fc.Arbitrary<Head> = fc
  .record({
    target: fc.oneof(fc.uuid(), fc.string()),
    state: fc.constantFrom('Active' as const, 'Removing' as const),
    removal: fc.constantFrom(undefined, 'delete' as const, 'orphan' as const),
    assignment: fc.nat(),
    revision: fc.integer({ min: 1, max: 2 }),
    bundle: fc.record({ digest, sizeBytes: fc.integer({ min: 1, max: 2 }) }),
    deletesMax: fc.integer({ min: 0, max: 1 }),
    operation,
    body: digest,
  })
  .map(({ removal, ...head }) => (removal === undefined ? head : { ...head, removal }));

test('many heads have the bytes that each has alone, whatever stands before it', () => {
  fc.assert(
    fc.property(fc.array(anyHead, { maxLength: 8 }), (heads) => {
      const texts = (bytes: readonly Uint8Array[]) => bytes.map((each) => new TextDecoder().decode(each));
      expect(texts(encodeHeads(heads))).toEqual(texts(heads.map(encodeHead)));
    }),
    { numRuns: 500 },
  );
});

test('heads that differ in one member only are told apart', () => {
  const head: Head = {
    target: 't',
    state: 'Active',
    assignment: 1,
    revision: 1,
    bundle: { digest: 'a'.repeat(64), sizeBytes: 1 },
    deletesMax: 0,
    operation: {},
    body: 'a'.repeat(64),
  };
  const others: Partial<Head>[] = [
    { target: 'u' },
    { state: 'Removing' },
    { removal: 'orphan' },
    { assignment: 2 },
    { revision: 2 },
    { bundle: { ...head.bundle, sizeBytes: 2 } },
    { bundle: { ...head.bundle, digest: 'b'.repeat(64) } },
    { deletesMax: 1 },
    { operation: { force: true } },
    { body: 'b'.repeat(64) },
  ];
  for (const other of others) {
    const heads = [head, { ...head, ...other }, head];
    expect(encodeHeads(heads)).toEqual(heads.map(encodeHead));
  }
});
