/**
 * Spans in which no replica served agents: they count towards no deadline, since nobody could have reported. From the
 * heartbeats of replicas; a span that began before this process did is measured by when an agent was last heard.
 */

export interface Outage {
  fromMs: number;
  toMs: number;
}

/** A replica that has not beaten for so long serves nobody. */
const silenceMs = 30_000;
/** Longer ago than any deadline reaches. */
const keptMs = 7 * 24 * 3_600_000;

export class Outages {
  #spans: Outage[] = [];

  /** `lastBeatMs`: the newest heartbeat of a replica that serves agents, or word of an agent; null: there was none ever. */
  observe(lastBeatMs: number | null, nowMs: number): void {
    if (lastBeatMs === null || nowMs - lastBeatMs < silenceMs) return;
    const known = this.#spans.find((span) => span.fromMs === lastBeatMs);
    if (known === undefined) this.#spans = [...this.#spans, { fromMs: lastBeatMs, toMs: nowMs }];
    else this.#spans = this.#spans.map((span) => (span === known ? { ...span, toMs: nowMs } : span));
    this.#spans = this.#spans.filter(({ toMs }) => toMs > nowMs - keptMs);
  }

  get spans(): readonly Outage[] {
    return this.#spans;
  }
}
