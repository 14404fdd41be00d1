/**
 * Faults on demand, by `POST /simkube/faults` with a rule and `DELETE /simkube/faults`: a busy server, an answer that is
 * lost after the change was made, a watch that goes silent, a slow server.
 */
import type { RequestInfo } from './requestInfo.ts';

export interface FaultRule {
  kind: 'busy' | 'error-after-commit' | 'watch-stall' | 'latency' | 'compact';
  /** Only requests with this verb. */
  verb?: string;
  resource?: string;
  /** Part of the user agent. */
  userAgent?: string;
  /** How many requests it is for; without it all, until the rules are deleted. */
  times?: number;
  retryAfterSeconds?: number;
  latencyMs?: number;
}

export class Faults {
  #rules: FaultRule[] = [];

  add(rule: FaultRule): void {
    this.#rules.push({ ...rule });
  }

  clear(): void {
    this.#rules = [];
  }

  /** Takes one use of the first rule of this kind that fits. */
  take(kind: FaultRule['kind'], info: RequestInfo, userAgent: string): FaultRule | undefined {
    if (this.#rules.length === 0) return undefined;
    const rule = this.#rules.find((each) => each.kind === kind && fits(each, info, userAgent));
    if (rule?.times === undefined) return rule;
    rule.times -= 1;
    if (rule.times <= 0) this.#rules = this.#rules.filter((each) => each !== rule);
    return rule;
  }
}

function fits(rule: FaultRule, info: RequestInfo, userAgent: string): boolean {
  if (rule.verb !== undefined && rule.verb !== info.verb) return false;
  if (rule.resource !== undefined && rule.resource !== info.resource) return false;
  return rule.userAgent === undefined || userAgent.includes(rule.userAgent);
}
