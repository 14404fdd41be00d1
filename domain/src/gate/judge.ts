/** What the answer to a gate's check means. Nothing of a body but single values gets into a message. */
import { getAt, parsePointer } from '../diff/pointer.ts';
import { isMap } from '../object/metadata.ts';
import type { Json, JsonMap } from '../object/types.ts';
import type { HttpProbe, NetworkProbe, PrometheusProbe, Verdict } from './gate.ts';

export interface ProbeAnswer {
  status: number;
  body: string;
}

export function judge(probe: NetworkProbe, answer: ProbeAnswer): Verdict {
  return probe.type === 'http' ? judgeHttp(probe, answer) : judgePrometheus(probe, answer);
}

function judgeHttp({ expectedStatus, json }: HttpProbe, { status, body }: ProbeAnswer): Verdict {
  const isExpected =
    expectedStatus.length === 0 ? status >= 200 && status < 300 : expectedStatus.includes(status);
  if (!isExpected) {
    return failure(`status ${status}, not ${expectedStatus.join(' or ') || '200 to 299'}`);
  }
  if (json === null) return success(`status ${status}`);
  const parsed = parse(body);
  if (!parsed.ok) return failure('the answer is not JSON');
  const found = getAt(parsed.value, parsePointer(json.pointer) ?? []);
  const words = `${json.pointer || 'the answer'} is ${wordsOf(found)}`;
  return found === json.equals ? success(words) : failure(`${words}, not ${wordsOf(json.equals)}`);
}

/** The instant query of Prometheus's HTTP API, version 1. */
function judgePrometheus({ threshold }: PrometheusProbe, { status, body }: ProbeAnswer): Verdict {
  const parsed = parse(body);
  const answer = parsed.ok && isMap(parsed.value) ? parsed.value : {};
  if (answer['status'] === 'error') return failure(`Prometheus says: ${short(String(answer['error']))}`);
  if (status !== 200) return failure(`status ${status}, not 200`);
  const values = valuesOf(answer);
  if (typeof values === 'string') return failure(values);
  if (values.length === 0) return failure('the query has no result');
  const verdicts = values.map((value) => judgeValue(value, threshold));
  const among = values.length === 1 ? '' : ` (one of ${values.length} series)`;
  const worst = verdicts.find(({ isSuccess }) => !isSuccess) ?? verdicts[0];
  return worst === undefined ? failure('') : { ...worst, message: worst.message + among };
}

function judgeValue(text: string, { min, max }: PrometheusProbe['threshold']): Verdict {
  const value = Number(text.replace('Inf', 'Infinity'));
  if (Number.isNaN(value)) return failure(`the query's result is ${short(text)}`);
  if (max !== null && value > max) return failure(`${text} above ${max}`);
  if (min !== null && value < min) return failure(`${text} below ${min}`);
  return success(max === null ? `${text} at least ${min}` : `${text} at most ${max}`);
}

/** Samples as Prometheus writes them; a text says why there are none. */
function valuesOf(answer: JsonMap): string[] | string {
  const { resultType, result } = isMap(answer['data']) ? answer['data'] : {};
  if (!Array.isArray(result)) return 'the answer is not one of Prometheus';
  if (resultType !== 'vector' && resultType !== 'scalar')
    return `the query gives a ${short(String(resultType))}, not a vector or a scalar`;
  const pairs =
    resultType === 'scalar' ? [result] : result.map((series) => (isMap(series) ? series['value'] : null));
  const samples = pairs.map(sampleOf).filter((sample) => sample !== null);
  return samples.length < pairs.length ? 'the query gives histograms, not values' : samples;
}

/** `[time, "value"]` */
function sampleOf(pair: unknown): string | null {
  const value: unknown = Array.isArray(pair) ? pair[1] : undefined;
  return typeof value === 'string' && value !== '' ? value : null;
}

function wordsOf(value: unknown): string {
  if (value === undefined) return 'not there';
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'a map';
  return short(JSON.stringify(value));
}

/** Fits into an event, whatever a server says. */
function short(text: string): string {
  const clean = text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ');
  return clean.length <= 120 ? clean : `${clean.slice(0, 119)}…`;
}

function parse(text: string): { ok: true; value: Json } | { ok: false } {
  try {
    return { ok: true, value: JSON.parse(text) as Json };
  } catch {
    return { ok: false };
  }
}

function success(message: string): Verdict {
  return { isSuccess: true, message };
}

function failure(message: string): Verdict {
  return { isSuccess: false, message };
}
