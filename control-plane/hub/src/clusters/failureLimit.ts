/**
 * How often one address may fail. A try is taken before it is known how it ends and given back when it succeeds, so that
 * parallel tries count exactly.
 */

interface Bucket {
  left: number;
  refilledMs: number;
}

const failuresMax = 60;
const refillMs = 1000;
const addressesMax = 10_000;

export class FailureLimit {
  private readonly buckets = new Map<string, Bucket>();

  /** False: too many failures; `nowMs` never goes back. */
  take(address: string, nowMs: number): boolean {
    const bucket = this.buckets.get(address) ?? { left: failuresMax, refilledMs: nowMs };
    const refill = Math.floor((nowMs - bucket.refilledMs) / refillMs);
    bucket.left = Math.min(failuresMax, bucket.left + refill);
    bucket.refilledMs += refill * refillMs;
    // The newest address last: the oldest is forgotten first.
    this.buckets.delete(address);
    this.buckets.set(address, bucket);
    if (this.buckets.size > addressesMax) this.buckets.delete(this.buckets.keys().next().value ?? '');
    if (bucket.left <= 0) return false;
    bucket.left -= 1;
    return true;
  }

  giveBack(address: string): void {
    const bucket = this.buckets.get(address);
    if (bucket) bucket.left = Math.min(failuresMax, bucket.left + 1);
  }
}
