import { expect, test } from 'vitest';
import { requestOf, type NetworkProbe } from './gate.ts';
import { judge } from './judge.ts';

const http: NetworkProbe = {
  type: 'http',
  url: 'https://shop.example.com/health',
  method: 'GET',
  headers: {},
  expectedStatus: [],
  json: null,
};
const json: NetworkProbe = { ...http, json: { pointer: '/checks/0/status', equals: 'ok' } };
const prometheus: NetworkProbe = {
  type: 'prometheus',
  address: 'https://prometheus.example.com/',
  query: 'rate(errors[5m]) > 0',
  threshold: { min: null, max: 0.05 },
};
const atLeast: NetworkProbe = { ...prometheus, threshold: { min: 0.99, max: null } };

function vector(...values: string[]): string {
  const result = values.map((value, at) => ({ metric: { pod: `p${at}` }, value: [1_700_000_000.1, value] }));
  return JSON.stringify({ status: 'success', data: { resultType: 'vector', result } });
}

function data(resultType: string, result: unknown): string {
  return JSON.stringify({ status: 'success', data: { resultType, result } });
}

test.each<[NetworkProbe, number, string, boolean, string]>([
  [http, 204, '', true, 'status 204'],
  [http, 301, '', false, 'status 301, not 200 to 299'],
  [{ ...http, expectedStatus: [200, 503] }, 503, '', true, 'status 503'],
  [{ ...http, expectedStatus: [200, 503] }, 204, '', false, 'status 204, not 200 or 503'],
  [json, 200, '{"checks":[{"status":"ok"}]}', true, '/checks/0/status is "ok"'],
  [json, 200, '{"checks":[{"status":"bad"}]}', false, '/checks/0/status is "bad", not "ok"'],
  [json, 200, '{"checks":[]}', false, '/checks/0/status is not there, not "ok"'],
  [json, 200, '{"checks":[{"status":{"a":1}}]}', false, '/checks/0/status is a map, not "ok"'],
  [json, 200, '<html>', false, 'the answer is not JSON'],
  [json, 500, '{"checks":[{"status":"ok"}]}', false, 'status 500, not 200 to 299'],
  [prometheus, 200, vector('0.05'), true, '0.05 at most 0.05'],
  [prometheus, 200, vector('0.07'), false, '0.07 above 0.05'],
  [prometheus, 200, vector('0.01', '0.07'), false, '0.07 above 0.05 (one of 2 series)'],
  [prometheus, 200, vector(), false, 'the query has no result'],
  [prometheus, 200, vector('NaN'), false, "the query's result is NaN"],
  [prometheus, 200, vector('+Inf'), false, '+Inf above 0.05'],
  [prometheus, 200, data('scalar', [1, '0']), true, '0 at most 0.05'],
  [prometheus, 200, data('matrix', []), false, 'the query gives a matrix, not a vector or a scalar'],
  [
    prometheus,
    200,
    data('vector', [{ histogram: [1, {}] }]),
    false,
    'the query gives histograms, not values',
  ],
  [prometheus, 400, '{"status":"error","error":"bad_data: x"}', false, 'Prometheus says: bad_data: x'],
  [prometheus, 502, '<html>', false, 'status 502, not 200'],
  [prometheus, 200, '<html>', false, 'the answer is not one of Prometheus'],
  [atLeast, 200, vector('0.98'), false, '0.98 below 0.99'],
  [atLeast, 200, vector('1'), true, '1 at least 0.99'],
])('%j, answered %i %s: %s, %s', (probe, status, body, isSuccess, message) => {
  expect(judge(probe, { status, body })).toEqual({ isSuccess, message });
});

test('what a server says is cut and cleaned before anybody reads it', () => {
  const body = JSON.stringify({ status: 'error', error: `\u001b[31m${'x'.repeat(500)}` });
  const { message } = judge(prometheus, { status: 400, body });
  expect(message).toMatch(/^Prometheus says: {2}\[31mx{100,}…$/);
  expect(message.length).toBeLessThan(150);
});

test('a query is sent as one parameter, with how long it may take', () => {
  const { url } = requestOf(prometheus, 5_000);
  expect(url).toBe(
    'https://prometheus.example.com/api/v1/query?query=rate%28errors%5B5m%5D%29+%3E+0&timeout=5000ms',
  );
});
