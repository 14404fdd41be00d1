/** Time as a dependency. Decisions about rows use Postgres's clock (`HubTransaction.now`); this one is for waiting and for logs. */

export abstract class Clock {
  abstract now(): Date;
  /** Never goes back, whatever happens to the wall clock. */
  abstract monotonicMs(): number;
}

export class SystemClock extends Clock {
  now(): Date {
    return new Date();
  }

  monotonicMs(): number {
    return performance.now();
  }
}
