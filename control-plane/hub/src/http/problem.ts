/** What the API says when it says no: RFC 9457 problem+json. The code is for programs, title and detail are for people. */

export interface FieldIssue {
  path: string;
  message: string;
}

export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  /** `not-found`, `conflict`, … */
  readonly code: string;
  readonly title: string;
  readonly detail: string | undefined;
  readonly issues: FieldIssue[] | undefined;

  constructor(
    status: number,
    code: string,
    title: string,
    more: { detail?: string; issues?: FieldIssue[]; cause?: unknown } = {},
  ) {
    super(more.detail ?? title, { cause: more.cause });
    this.status = status;
    this.code = code;
    this.title = title;
    this.detail = more.detail;
    this.issues = more.issues;
  }
}

/** Also the answer for what exists and the caller may not see. */
export function notFound(kind: string): Problem {
  return new Problem(404, 'not-found', `no such ${kind}`);
}

export function conflict(detail: string): Problem {
  return new Problem(409, 'conflict', 'conflict', { detail });
}

export function badRequest(detail: string, issues?: FieldIssue[]): Problem {
  return new Problem(400, 'bad-request', 'bad request', { detail, ...(issues && { issues }) });
}

export function unprocessable(detail: string, issues?: FieldIssue[]): Problem {
  return new Problem(422, 'unprocessable', 'cannot be done', { detail, ...(issues && { issues }) });
}

export function unauthenticated(): Problem {
  return new Problem(401, 'unauthenticated', 'a valid token is needed');
}

export function forbidden(permission: string): Problem {
  return new Problem(403, 'forbidden', 'not allowed', { detail: `needs ${permission}` });
}

export function versionChanged(): Problem {
  return new Problem(412, 'version-changed', 'it has changed since it was read', { detail: 'read it again' });
}

export function tooManyRequests(): Problem {
  return new Problem(429, 'too-many-requests', 'too many requests');
}
