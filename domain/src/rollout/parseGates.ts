/** The gates of a wave as a person writes them. */
import type { Gate, HttpProbe, NetworkProbe, PrometheusProbe, Scalar } from '../gate/gate.ts';
import { parsePointer } from '../diff/pointer.ts';
import { at, durationOf, fieldsOf, invalid, isFields, isTexts, type Fields } from './strategyFields.ts';
import type { Wave } from './strategy.ts';
import type { StrategyProblem } from './strategyFields.ts';

const gatesMax = 10;
const checksMax = 100;
const urlCharactersMax = 2048;
const queryCharactersMax = 4000;
const dayMs = 86_400_000;

const gateFields = ['name', 'http', 'prometheus', 'interval', 'count', 'failureLimit', 'timeout'];
const methods = ['GET', 'HEAD', 'POST'] as const;
/** A strategy is for many to read: what opens a door is refused, as is what belongs to the connection. */
const refusedHeaders =
  /^(authorization|proxy-authorization|cookie|host|connection|upgrade|content-length|transfer-encoding|te|trailer|expect|keep-alive)$|api-?key|token|secret|password/i;

type Problems = StrategyProblem[];

/** `[]` takes away what the strategy sets. */
export function parseGates(
  input: unknown,
  path: string,
  fallback: readonly Gate[],
  problems: Problems,
): readonly Gate[] {
  if (input === undefined) return fallback;
  if (!Array.isArray(input)) return invalid(problems, path, 'must be a list of gates', []);
  if (input.length > gatesMax) return invalid(problems, path, `must be at most ${gatesMax} gates`, []);
  const gates = input.map((gate: unknown, index) => gateOf(gate, `${path}[${index}]`, problems));
  gates.forEach(({ name }, index) => {
    if (gates.slice(0, index).some((earlier) => earlier.name === name))
      invalid(problems, `${path}[${index}].name`, `${name} is taken`, null);
  });
  return gates;
}

/** Of the first wave, where `plan: required` says so: checked once, by asking every cluster. */
const planGate: Gate = {
  name: 'plan',
  probe: { type: 'plan' },
  intervalMs: 60_000,
  count: 1,
  failureLimit: 0,
  timeoutMs: 60_000,
};

/** Waves with the plan that the first one waits for. */
export function withPlan(input: unknown, waves: readonly Wave[], problems: Problems): Wave[] {
  const [first, ...others] = waves;
  if (input !== undefined && input !== 'none' && input !== 'required')
    return invalid(problems, 'plan', 'must be none or required', [...waves]);
  if (input !== 'required' || first === undefined) return [...waves];
  if (first.gates.some(({ name }) => name === planGate.name))
    return invalid(problems, 'plan', 'is a gate named plan: name that of the first wave otherwise', [
      ...waves,
    ]);
  return [{ ...first, gates: [planGate, ...first.gates] }, ...others];
}

function gateOf(input: unknown, path: string, problems: Problems): Gate {
  const fields = fieldsOf(input, path, gateFields, problems);
  const { name } = fields;
  const isName = typeof name === 'string' && /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name);
  if (!isName) invalid(problems, at(path, 'name'), 'must be 1 to 63 of a-z, 0-9 and -', '');
  const interval = { fallbackMs: 60_000, minMs: 1_000, maxMs: dayMs };
  const timeout = { fallbackMs: 10_000, minMs: 1_000, maxMs: 60_000 };
  return {
    name: isName ? name : '',
    probe: probeOf(fields, path, problems),
    intervalMs: durationOf(fields, path, 'interval', interval, problems),
    count: numberOf(fields, path, { name: 'count', min: 1, fallback: 1 }, problems),
    failureLimit: numberOf(fields, path, { name: 'failureLimit', min: 0, fallback: 0 }, problems),
    timeoutMs: durationOf(fields, path, 'timeout', timeout, problems),
  };
}

function probeOf(fields: Fields, path: string, problems: Problems): NetworkProbe {
  const { http, prometheus } = fields;
  if ((http === undefined) === (prometheus === undefined))
    return invalid(problems, path, 'must have one of http and prometheus', httpOf({}, '', []));
  return prometheus === undefined
    ? httpOf(http, at(path, 'http'), problems)
    : prometheusOf(prometheus, at(path, 'prometheus'), problems);
}

function httpOf(input: unknown, path: string, problems: Problems): HttpProbe {
  const known = ['url', 'method', 'headers', 'expectedStatus', 'json'];
  const fields = fieldsOf(input, path, known, problems);
  const method = methods.find((candidate) => candidate === (fields['method'] ?? 'GET'));
  if (method === undefined)
    invalid(problems, at(path, 'method'), `must be one of ${methods.join(', ')}`, null);
  const json = fields['json'] === undefined ? null : jsonOf(fields['json'], at(path, 'json'), problems);
  if (json !== null && method === 'HEAD')
    invalid(problems, at(path, 'json'), 'needs another method than HEAD, which has no body', null);
  return {
    type: 'http',
    url: urlOf(fields, path, 'url', problems),
    method: method ?? 'GET',
    headers: headersOf(fields['headers'] ?? {}, at(path, 'headers'), problems),
    expectedStatus: statusOf(fields['expectedStatus'], at(path, 'expectedStatus'), problems),
    json,
  };
}

function prometheusOf(input: unknown, path: string, problems: Problems): PrometheusProbe {
  const fields = fieldsOf(input, path, ['address', 'query', 'threshold'], problems);
  const { query } = fields;
  const isQuery = typeof query === 'string' && query.trim() !== '' && query.length <= queryCharactersMax;
  if (!isQuery)
    invalid(problems, at(path, 'query'), `must be PromQL of 1 to ${queryCharactersMax} characters`, '');
  const address = urlOf(fields, path, 'address', problems);
  if (/[?#]/.test(address))
    invalid(problems, at(path, 'address'), 'must not hold a query or a fragment', null);
  return {
    type: 'prometheus',
    address,
    query: isQuery ? query : '',
    threshold: thresholdOf(fields['threshold'], at(path, 'threshold'), problems),
  };
}

function thresholdOf(input: unknown, path: string, problems: Problems): PrometheusProbe['threshold'] {
  const { min = null, max = null } = fieldsOf(input ?? {}, path, ['min', 'max'], problems);
  const isBound = (bound: unknown): bound is number | null =>
    bound === null || (typeof bound === 'number' && Number.isFinite(bound));
  const none = { min: null, max: null };
  if (!isBound(min) || !isBound(max) || (min === null && max === null))
    return invalid(problems, path, 'must have min, max or both, as numbers', none);
  if (min !== null && max !== null && min > max)
    return invalid(problems, path, 'must have a min that is not above max', none);
  return { min, max };
}

function jsonOf(input: unknown, path: string, problems: Problems): HttpProbe['json'] {
  const { pointer, equals } = fieldsOf(input, path, ['pointer', 'equals'], problems);
  const isScalar = equals === null || ['string', 'number', 'boolean'].includes(typeof equals);
  if (!isScalar) invalid(problems, at(path, 'equals'), 'must be text, a number, true, false or null', null);
  const isPointer = typeof pointer === 'string' && parsePointer(pointer) !== null;
  if (!isPointer) invalid(problems, at(path, 'pointer'), 'must be a JSON pointer such as /status', null);
  return isScalar && isPointer ? { pointer, equals: equals as Scalar } : null;
}

function headersOf(input: unknown, path: string, problems: Problems): Record<string, string> {
  if (!isFields(input) || Object.keys(input).length > 20)
    return invalid(problems, path, 'must be a map of at most 20 headers', {});
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(input)) {
    const place = at(path, name);
    if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/.test(name))
      invalid(problems, place, 'is no name of a header', null);
    else if (refusedHeaders.test(name))
      invalid(
        problems,
        place,
        'is not sent: a strategy holds no credentials, and the connection is the hub’s',
        null,
      );
    else if (typeof value !== 'string' || !/^[\u0020-\u007e]{0,1000}$/.test(value))
      invalid(problems, place, 'must be printable ASCII of at most 1000 characters', null);
    else headers[name] = value;
  }
  return headers;
}

/** A number or a list of them; none: any of 2xx. */
function statusOf(input: unknown, path: string, problems: Problems): readonly number[] {
  if (input === undefined) return [];
  const list: unknown[] = Array.isArray(input) ? input : [input];
  const isStatus = (status: unknown): status is number =>
    Number.isInteger(status) && Number(status) >= 100 && Number(status) <= 599;
  if (list.length > 0 && list.length <= 20 && list.every(isStatus)) return list;
  return invalid(problems, path, 'must be a status from 100 to 599, or a list of them', []);
}

function urlOf(fields: Fields, path: string, name: string, problems: Problems): string {
  const value = fields[name];
  const message = urlProblem(value);
  return message === null ? (value as string) : invalid(problems, at(path, name), message, '');
}

/** Which hosts may be reached is for whoever reaches them. */
function urlProblem(input: unknown): string | null {
  if (!isTexts([input]) || String(input).length > urlCharactersMax)
    return `must be a URL of at most ${urlCharactersMax} characters`;
  const text = String(input);
  if (/[\u0000-\u0020\u007f-\u00a0\\]/.test(text))
    return 'must not hold blanks, backslashes or control characters';
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    return 'must be an http or https URL';
  if (url.username !== '' || url.password !== '') return 'must not hold credentials';
  return null;
}

function numberOf(
  fields: Fields,
  path: string,
  { name, min, fallback }: { name: string; min: number; fallback: number },
  problems: Problems,
): number {
  const value = fields[name];
  if (value === undefined) return fallback;
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= checksMax)
    return value;
  return invalid(problems, at(path, name), `must be a number from ${min} to ${checksMax}`, fallback);
}
