/** One place that turns what went wrong between the hub and a Git server into words for people. Credentials and bodies never pass. */
import type { GitProblem } from './messages.ts';

interface Told {
  name?: string;
  code?: unknown;
  message?: string;
  cause?: unknown;
  data?: { statusCode?: number };
}

/** By name and code: errors of the Git library and of undici are told apart by nothing else. */
export function problemOf(error: unknown): GitProblem {
  for (let at = error as Told | undefined; at; at = at.cause as Told | undefined) {
    const problem = oneProblem(at);
    if (problem !== null) return problem;
  }
  const told = error as Told;
  return { kind: 'Failed', message: `Git failed: ${firstLine(told.message ?? String(error))}` };
}

function oneProblem(error: Told): GitProblem | null {
  const { name = '', message = '' } = error;
  if (['OutboundRefused', 'PackRefused', 'TreeRefused'].includes(name)) return { kind: 'Refused', message };
  if (error.code === 'HttpError') return httpProblem(error.data?.statusCode ?? 0);
  if (
    error.code === 'SmartHttpError' ||
    error.code === 'ParseError' ||
    error.code === 'EmptyServerResponseError'
  ) {
    return {
      kind: 'NotARepository',
      message: 'the server answered, but not as a Git repository does: check the URL',
    };
  }
  if (error.code === 'NotFoundError')
    return { kind: 'Missing', message: 'the remote has no such ref or commit' };
  if (name === 'AbortError' || name === 'TimeoutError')
    return { kind: 'Timeout', message: 'the Git server took too long' };
  return typeof error.code === 'string' ? networkProblem(error.code) : null;
}

function httpProblem(status: number): GitProblem {
  if (status === 401 || status === 403) {
    return { kind: 'Unauthorized', message: `the Git server refused the credential (HTTP ${status})` };
  }
  if (status === 404) {
    return {
      kind: 'NotARepository',
      message: 'the Git server knows no such repository, or the credential may not see it (HTTP 404)',
    };
  }
  return { kind: 'Unreachable', message: `the Git server answered HTTP ${status}` };
}

const networkWords: Record<string, string> = {
  ECONNREFUSED: 'the Git server refuses connections',
  ECONNRESET: 'the Git server broke the connection',
  UND_ERR_SOCKET: 'the Git server broke the connection',
  ENOTFOUND: "the Git server's name does not resolve",
  EAI_AGAIN: "the Git server's name does not resolve just now",
  EHOSTUNREACH: 'the Git server cannot be reached',
  ENETUNREACH: 'the Git server cannot be reached',
  ETIMEDOUT: 'the Git server took too long',
  UND_ERR_CONNECT_TIMEOUT: 'the Git server took too long to connect',
  UND_ERR_HEADERS_TIMEOUT: 'the Git server took too long to answer',
  UND_ERR_BODY_TIMEOUT: 'the Git server stopped sending',
  ENOSPC: 'the disk of the hub is full',
};

function networkProblem(code: string): GitProblem | null {
  const words = networkWords[code];
  if (words !== undefined) return { kind: 'Unreachable', message: `${words} (${code})` };
  if (/^(CERT_|ERR_TLS|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(code)) {
    return { kind: 'Unreachable', message: `the Git server's certificate is not trusted (${code})` };
  }
  return null;
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').slice(0, 200);
}
