/** What can go wrong between a client and the API, as two classes: an answer that says no, and no answer. */

/** RFC 9457. `issues` names the fields of a request that are wrong. */
export interface Problem {
  type?: string;
  title: string;
  status: number;
  detail?: string;
  code?: string;
  issues?: { path: string; message: string }[];
  correlationId?: string;
}

export class FlotillaApiError extends Error {
  readonly problem: Problem;
  readonly status: number;
  readonly method: string;
  readonly path: string;

  constructor(problem: Problem, method: string, path: string) {
    super(problem.detail ?? problem.title);
    this.name = 'FlotillaApiError';
    this.problem = problem;
    this.status = problem.status;
    this.method = method;
    this.path = path;
  }
}

export class FlotillaConnectionError extends Error {
  readonly url: string;

  constructor(url: string, cause: unknown) {
    super(`cannot reach ${url}: ${reasonOf(cause)}`, { cause });
    this.name = 'FlotillaConnectionError';
    this.url = url;
  }
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const inner = cause.cause;
  if (inner instanceof AggregateError && inner.errors[0] instanceof Error) return inner.errors[0].message;
  return inner instanceof Error ? inner.message : cause.message;
}
