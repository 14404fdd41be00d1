/**
 * What an API server (or the way to it) can answer instead of the asked. One class with a code, so that a caller
 * branches on the code and a log keeps the server's own words.
 */

export type KubeErrorCode =
  | 'AlreadyExists'
  | 'BadRequest'
  | 'Conflict'
  | 'Forbidden'
  | 'Gone'
  | 'Invalid'
  | 'NotFound'
  | 'TooLarge'
  | 'TooManyRequests'
  | 'Unauthorized'
  | 'Unavailable';

/** The part of a `metav1.Status` that is read. */
export interface KubeStatus {
  message?: string;
  reason?: string;
  details?: { causes?: { reason?: string; message?: string; field?: string }[]; retryAfterSeconds?: number };
}

export class KubeError extends Error {
  override readonly name = 'KubeError';
  readonly code: KubeErrorCode;
  /** HTTP status, 0 when no answer came. */
  readonly status: number;
  /** The server's own reason, such as `FieldManagerConflict`. */
  readonly reason: string;
  /** How long the server asked to wait. */
  readonly retryAfterMs: number | null;

  constructor(
    code: KubeErrorCode,
    message: string,
    fields: { status?: number; reason?: string; retryAfterMs?: number | null; cause?: unknown } = {},
  ) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.code = code;
    this.status = fields.status ?? 0;
    this.reason = fields.reason ?? '';
    this.retryAfterMs = fields.retryAfterMs ?? null;
  }
}

export function isKubeError(error: unknown, ...codes: KubeErrorCode[]): error is KubeError {
  return error instanceof KubeError && (codes.length === 0 || codes.includes(error.code));
}

/** True where asking again may help: the server was busy, away or someone else wrote at the same time. */
export function isTransient(error: unknown): boolean {
  return isKubeError(error, 'Conflict', 'TooManyRequests', 'Unavailable');
}

const codeByStatus: Record<number, KubeErrorCode> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Gone',
  413: 'TooLarge',
  422: 'Invalid',
  429: 'TooManyRequests',
};

/** Reads an error answer. A body that is no Status is quoted as text, cut to 300 characters. */
export function errorFromAnswer(
  status: number,
  body: string,
  retryAfterHeader: string | undefined,
): KubeError {
  const parsed = parseStatus(body);
  const reason = parsed.reason ?? '';
  const message = parsed.message ?? `the server answered ${status}`;
  return new KubeError(codeOf(status, reason, message), message, {
    status,
    reason,
    retryAfterMs: retryAfterOf(retryAfterHeader, parsed),
  });
}

/** A manifest that does not fit its schema is answered with 500 by server-side apply: asking again is in vain. */
const untypable = /^failed to create (typed patch object|manager for existing fields)/;

function codeOf(status: number, reason: string, message: string): KubeErrorCode {
  if (status === 409 && reason === 'AlreadyExists') return 'AlreadyExists';
  if (status === 500 && untypable.test(message)) return 'Invalid';
  if (status >= 500) return 'Unavailable';
  return codeByStatus[status] ?? 'BadRequest';
}

function retryAfterOf(header: string | undefined, status: KubeStatus): number | null {
  const seconds = header === undefined ? status.details?.retryAfterSeconds : Number(header);
  return seconds === undefined || !Number.isFinite(seconds) ? null : seconds * 1000;
}

function parseStatus(body: string): KubeStatus {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === 'object' && parsed !== null) return parsed as KubeStatus;
  } catch {
    // Proxies answer in HTML or plain text.
  }
  return body.trim() === '' ? {} : { message: body.trim().slice(0, 300) };
}
