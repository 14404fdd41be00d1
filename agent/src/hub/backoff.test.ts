/** When a stream is tried again: full jitter up to a minute, and never before the hub said. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { reconnectBackoff, retryDelayMs } from './backoff.ts';
import { waitAfter } from './connect.ts';
import { renewAtMs } from './renew.ts';
import type { StreamEnd } from './stream.ts';

const lost: StreamEnd = { reason: 'lost', denied: false, detail: '' };
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test('the wait is drawn evenly from 0 to a bound that doubles from 1 s to 60 s', () => {
  expect([1, 2, 3, 6, 7, 50].map((failures) => retryDelayMs(reconnectBackoff, failures, 0.999999))).toEqual([
    1000, 2000, 4000, 32_000, 60_000, 60_000,
  ]);
  expect([1, 7, 50].map((failures) => retryDelayMs(reconnectBackoff, failures, 0))).toEqual([0, 0, 0]);
  expect(retryDelayMs(reconnectBackoff, 7, 0.5)).toBe(30_000);
});

test('nobody comes back before retry_after, nor much later', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3_600_000 }),
      fc.integer({ min: 1, max: 30 }),
      random,
      (askedMs, failures, drawn) => {
        const drained = waitAfter({ reason: 'drained', retryAfterMs: askedMs }, failures, drawn);
        const refused = waitAfter(
          { reason: 'refused', refused: 'revoked', retryAfterMs: askedMs, detail: '' },
          failures,
          drawn,
        );
        for (const waitMs of [drained, refused]) {
          expect(waitMs).toBeGreaterThanOrEqual(askedMs);
          expect(waitMs).toBeLessThanOrEqual(Math.ceil(askedMs * 1.25));
        }
      },
    ),
  );
});

test('a lost stream waits at most a minute, whatever came before', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), random, (failures, drawn) => {
      expect(waitAfter(lost, failures, drawn)).toBeLessThanOrEqual(60_000);
    }),
  );
});

test('a refusal is asked again slowly, a displacement like any lost stream', () => {
  const refused = { reason: 'refused', retryAfterMs: 0, detail: '' } as const;
  expect(waitAfter({ ...refused, refused: 'revoked' }, 10, 0.999999)).toBe(300_000);
  expect(waitAfter({ ...refused, refused: 'displaced' }, 10, 0.999999)).toBe(60_000);
});

test('a certificate is renewed at half of its life, give or take a tenth of it', () => {
  const validity = { notBeforeMs: 1000, notAfterMs: 11_000 };
  expect(renewAtMs(validity, 0)).toBe(5000);
  expect(renewAtMs(validity, 0.5)).toBe(6000);
  expect(renewAtMs(validity, 0.999999)).toBeCloseTo(7000, 0);
});
