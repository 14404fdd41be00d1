import { expect, test } from 'vitest';
import { KubeError, errorFromAnswer } from './error.ts';
import { parseJson } from './json.ts';
import { requestRetryDelayMs } from './retry.ts';

test('an answer becomes its code with the words of the server', () => {
  const of = (status: number, body: object) => errorFromAnswer(status, JSON.stringify(body), undefined);
  expect(of(409, { reason: 'AlreadyExists', message: 'x exists' })).toMatchObject({
    code: 'AlreadyExists',
    message: 'x exists',
  });
  expect(of(409, { reason: 'Conflict' }).code).toBe('Conflict');
  expect(of(422, { reason: 'Invalid' }).code).toBe('Invalid');
  expect(
    of(500, {
      message: 'failed to create typed patch object (/a; /v1, Kind=ConfigMap): .data.k: expected string',
    }).code,
  ).toBe('Invalid');
  expect(of(500, { message: 'etcd is away' }).code).toBe('Unavailable');
  expect(errorFromAnswer(429, '', '3')).toMatchObject({ code: 'TooManyRequests', retryAfterMs: 3_000 });
  expect(errorFromAnswer(502, '<html>bad gateway</html>', undefined)).toMatchObject({
    code: 'Unavailable',
    message: '<html>bad gateway</html>',
  });
});

test('Flux: no back-off on 429: here only what may help is sent again, and not before the server wishes', () => {
  const busy = new KubeError('TooManyRequests', 'busy', { retryAfterMs: 2_000 });
  expect(requestRetryDelayMs(busy, 1, 4, 0)).toBe(2_000);
  expect(requestRetryDelayMs(busy, 5, 4, 0)).toBeNull();
  expect(requestRetryDelayMs(new KubeError('Unavailable', 'away'), 2, 4, 0)).toBe(100);
  expect(requestRetryDelayMs(new KubeError('Forbidden', 'no'), 1, 4, 0)).toBeNull();
});

test('integers beyond 2^53 survive reading', () => {
  expect(parseJson('{"a":9007199254740993,"b":1,"c":"12345678901234567890","d":1.5}')).toEqual({
    a: 9007199254740993n,
    b: 1,
    c: '12345678901234567890',
    d: 1.5,
  });
});
