/** Exit codes: scripts hold on to them. Every failure of a command becomes one of these and one message on stderr. */
import { FlotillaApiError, FlotillaConnectionError } from '@flotilla/client/errors';

export const exitCodes = {
  done: 0,
  error: 1,
  /** The answer is no: not healthy, differs, tampered. */
  no: 2,
  /** Unknown or incomplete. */
  unknown: 3,
  notFound: 4,
  notAllowed: 5,
  timedOut: 6,
  usage: 64,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Ends a command with a code; `hint` says what to do next. */
export class CommandError extends Error {
  readonly code: ExitCode;
  readonly hint: string;

  constructor(code: ExitCode, message: string, hint = '') {
    super(message);
    this.name = 'CommandError';
    this.code = code;
    this.hint = hint;
  }
}

export interface Failure {
  code: ExitCode;
  /** What was wrong and where. */
  message: string;
  /** One line each: fields that are wrong, what to do. */
  details: string[];
}

export function failureOf(error: unknown): Failure {
  if (error instanceof CommandError) {
    return { code: error.code, message: error.message, details: error.hint === '' ? [] : [error.hint] };
  }
  if (error instanceof FlotillaApiError) return apiFailure(error);
  if (error instanceof FlotillaConnectionError) {
    const hint = /certificate|self.signed|issuer/i.test(error.message)
      ? "pass the hub's CA with --ca-file, or log in again: flotilla login --ca-file <file>"
      : 'is the hub running, and is --url (or FLOTILLA_URL) right?';
    return { code: exitCodes.error, message: error.message, details: [hint] };
  }
  return {
    code: exitCodes.error,
    message: error instanceof Error ? error.message : String(error),
    details: [],
  };
}

function apiFailure(error: FlotillaApiError): Failure {
  const fields = (error.problem.issues ?? []).map(
    ({ path, message }) => `${path === '' ? 'request' : path}: ${message}`,
  );
  const hint = apiHint(error);
  return {
    code: codeOfStatus(error.status),
    message: error.message,
    details: hint === '' ? fields : [...fields, hint],
  };
}

function codeOfStatus(status: number): ExitCode {
  if (status === 404) return exitCodes.notFound;
  if (status === 401 || status === 403) return exitCodes.notAllowed;
  return exitCodes.error;
}

function apiHint({ status, problem, path }: FlotillaApiError): string {
  if (status === 401) return 'log in again: flotilla login --url <url> --token <token>';
  if (status === 404) return notFoundHint(path);
  if (status === 412) return 'somebody changed it meanwhile: read it again and repeat';
  if (status >= 500)
    return `the hub's log has more under correlation id ${problem.correlationId ?? 'unknown'}`;
  return '';
}

const lists: Record<string, string> = {
  applications: 'flotilla app list',
  clusters: 'flotilla cluster list',
  projects: 'flotilla project list',
  repositories: 'flotilla repo list',
  'registration-tokens': 'flotilla token list',
};

/** `/api/v1/applications/web` → which one was looked for, and where to see those that are there. */
function notFoundHint(path: string): string {
  const [, , , collection = '', name] = path.split('/');
  const list = lists[collection];
  const looked = name === undefined ? '' : `looked for "${decodeURIComponent(name)}"`;
  return [looked, list === undefined ? '' : `see: ${list}`].filter((part) => part !== '').join('; ');
}
