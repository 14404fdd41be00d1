/**
 * A gate of a wave: a check from outside the fleet that must succeed `count` times in all, at most `failureLimit` times
 * failing, before the wave opens. What a check is, and what its answer means; asking is not done here.
 */

export type Scalar = string | number | boolean | null;

/** An HTTP answer that must have one of these states and, where asked for, this value in its JSON. */
export interface HttpProbe {
  type: 'http';
  url: string;
  method: 'GET' | 'HEAD' | 'POST';
  headers: Readonly<Record<string, string>>;
  /** Empty: any from 200 to 299. */
  expectedStatus: readonly number[];
  /** `pointer` by RFC 6901. */
  json: { pointer: string; equals: Scalar } | null;
}

/** An instant query, each sample of whose result must lie within the threshold. */
export interface PrometheusProbe {
  type: 'prometheus';
  /** Base URL, to which `/api/v1/query` is added. */
  address: string;
  query: string;
  /** Inclusive; at least one of them is set. */
  threshold: { min: number | null; max: number | null };
}

/** A dry-run of the revision on every cluster of the application, none of which would fail. */
export interface PlanProbe {
  type: 'plan';
}

/** What is asked over the network. */
export type NetworkProbe = HttpProbe | PrometheusProbe;

export interface Gate {
  name: string;
  probe: NetworkProbe | PlanProbe;
  /** From the end of one check to the next; the first is made at once. */
  intervalMs: number;
  /** Successful checks that are needed, in all: a failure between them takes none away. */
  count: number;
  /** More failed checks than this and the gate has failed. */
  failureLimit: number;
  /** Of one check. */
  timeoutMs: number;
}

/** What one check found; `message` in a few words, without a full stop. */
export interface Verdict {
  isSuccess: boolean;
  message: string;
}

/** Where the request of a check goes, and what it says. */
export interface ProbeRequest {
  url: string;
  method: 'GET' | 'HEAD' | 'POST';
  headers: Readonly<Record<string, string>>;
}

export function requestOf(probe: NetworkProbe, timeoutMs: number): ProbeRequest {
  if (probe.type === 'http') return { url: probe.url, method: probe.method, headers: probe.headers };
  const query = new URLSearchParams({ query: probe.query, timeout: `${timeoutMs}ms` });
  const url = `${probe.address.replace(/\/+$/, '')}/api/v1/query?${query}`;
  return { url, method: 'GET', headers: { accept: 'application/json' } };
}
