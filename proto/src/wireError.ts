/** A message or field that does not hold what the protocol says. Terminal for that message, never for the process. */
export class WireError extends Error {
  /** Where in the message: `Hello.clusterUid`, `Desired.upserts[3].head`. */
  readonly field: string;

  constructor(field: string, problem: string, options?: { cause?: unknown }) {
    super(`${field}: ${problem}`, options);
    this.name = 'WireError';
    this.field = field;
  }
}
