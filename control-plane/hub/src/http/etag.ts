/** Entity tags. Of a resource with a `version`: `"<version>-<hash of the body>"`, so that If-Match asks only for the version and If-None-Match for the whole. */
import { createHash } from 'node:crypto';
import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { tap, type Observable } from 'rxjs';
import { versionChanged } from './problem.ts';

/** The version that If-Match names; null without the header or with `*`. @throws Problem when it names none */
export function ifMatchVersion(header: string | undefined): number | null {
  if (header === undefined || header.trim() === '*') return null;
  const match = /^\s*(?:W\/)?"?(\d{1,15})(?:-[0-9a-f]*)?"?\s*$/.exec(header);
  if (match === null) throw versionChanged();
  return Number(match[1]);
}

/** @throws Problem when the resource has moved on since it was read */
export function requireVersion(asked: number | null, version: number): void {
  if (asked !== null && asked !== version) throw versionChanged();
}

/** Versions of what is being sent, from the interceptor to the hook. */
const versions = new WeakMap<FastifyReply, number>();

@Injectable()
export class VersionInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    return next.handle().pipe(
      tap((body: unknown) => {
        const version = (body as { version?: unknown } | null | undefined)?.version;
        if (typeof version === 'number') versions.set(reply, version);
      }),
    );
  }
}

/** Tags every JSON answer to a GET, and answers 304 where the caller has it already. A fastify `onSend` hook. */
export function tagAnswer(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
  done: (error: Error | null, payload?: unknown) => void,
): void {
  const isJson = String(reply.getHeader('content-type') ?? '').startsWith('application/json');
  if (typeof payload !== 'string' || reply.statusCode !== 200 || !isJson) return done(null, payload);
  const hash = createHash('sha256').update(payload).digest('hex').slice(0, 16);
  const version = versions.get(reply);
  const tag = version === undefined ? `W/"${hash}"` : `"${version}-${hash}"`;
  reply.header('etag', tag);
  if (request.method !== 'GET' || request.headers['if-none-match'] !== tag) return done(null, payload);
  reply.code(304);
  reply.removeHeader('content-length');
  done(null, '');
}
