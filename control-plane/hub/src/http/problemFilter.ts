/** The one place that turns an error into an answer. What is not meant for callers is logged and never leaves: a 5xx says only its correlation id. */
import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ZodError } from 'zod';
import { Loggers, type Logger } from '../platform/logger.ts';
import { badRequest, Problem } from './problem.ts';

@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger: Logger;

  constructor(loggers: Loggers) {
    this.logger = loggers.for('http');
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const context = host.switchToHttp();
    const request = context.getRequest<FastifyRequest>();
    const reply = context.getResponse<FastifyReply>();
    const problem = problemOf(error);
    if (problem.status >= 500) {
      this.logger.error(
        { err: error, correlationId: request.id, method: request.method, path: pathOf(request) },
        'request failed',
      );
    }
    if (reply.sent || reply.raw.headersSent) return;
    void reply
      .code(problem.status)
      .header('content-type', 'application/problem+json')
      .header('cache-control', 'no-store')
      .send(JSON.stringify(bodyOf(problem, request)));
  }
}

function bodyOf(problem: Problem, request: FastifyRequest): object {
  const { status, code, title } = problem;
  return {
    type: `urn:flotilla:problem:${code}`,
    title,
    status,
    code,
    ...(problem.detail !== undefined && { detail: problem.detail }),
    ...(problem.issues && { issues: problem.issues }),
    instance: pathOf(request),
    correlationId: request.id,
  };
}

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof ZodError)
    return badRequest('the request does not have the form it must have', issuesOf(error));
  const status = error instanceof HttpException ? error.getStatus() : statusOf(error);
  if (status >= 500) return new Problem(status, 'internal', 'internal error', { cause: error });
  return new Problem(status, codeOf(status), titleOf(status), { cause: error });
}

export function issuesOf(error: ZodError): { path: string; message: string }[] {
  return error.issues
    .slice(0, 50)
    .map(({ path, message }) => ({ path: path.map(String).join('.'), message }));
}

/** Fastify's own refusals (body too large, malformed JSON) carry their status. */
function statusOf(error: unknown): number {
  const status = (error as { statusCode?: unknown } | null)?.statusCode;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : 500;
}

function codeOf(status: number): string {
  return (
    {
      404: 'not-found',
      405: 'method-not-allowed',
      413: 'too-large',
      415: 'unsupported-media-type',
      429: 'too-many-requests',
    }[status] ?? 'bad-request'
  );
}

function titleOf(status: number): string {
  return (
    { 404: 'no such page', 413: 'the body is too large', 415: 'the body is of a wrong type' }[status] ??
    'bad request'
  );
}

/** Without the query, which may carry what is nobody's business. */
function pathOf(request: FastifyRequest): string {
  return request.url.split('?')[0] ?? '';
}
