/** The HTTP surface that all capabilities share: the authorization choke point, problem+json, schemas at the edge, entity tags. */
import { Module, StandardSchemaValidationPipe } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { AuthorizeGuard } from './authorize.ts';
import { VersionInterceptor } from './etag.ts';
import { HealthController } from './health.controller.ts';
import { badRequest } from './problem.ts';
import { ProblemFilter } from './problemFilter.ts';

/** `@Body({ schema })`, `@Query({ schema })`, `@Param({ schema })`: parsed once, at the edge. */
function schemaPipe(): StandardSchemaValidationPipe {
  return new StandardSchemaValidationPipe({
    exceptionFactory: (issues) =>
      badRequest(
        'the request does not have the form it must have',
        issues.slice(0, 50).map(({ path, message }) => ({
          path: (path ?? []).map(partOf).join('.'),
          message: wordsOf(message),
        })),
      ),
  });
}

function partOf(part: PropertyKey | { key: PropertyKey }): string {
  return String(typeof part === 'object' ? part.key : part);
}

/** The schema library's own messages, as people would say it. */
function wordsOf(message: string): string {
  const missing = /^Invalid input: expected (.+), received undefined$/.exec(message);
  if (missing) return `is required (${missing[1] ?? ''})`;
  const unknown = /^Unrecognized keys?: (.+)$/.exec(message);
  return unknown ? `has no field ${unknown[1] ?? ''}: misspelt?` : message;
}

@Module({
  controllers: [HealthController],
  providers: [
    { provide: APP_GUARD, useClass: AuthorizeGuard },
    { provide: APP_FILTER, useClass: ProblemFilter },
    { provide: APP_INTERCEPTOR, useClass: VersionInterceptor },
    { provide: APP_PIPE, useFactory: schemaPipe },
  ],
})
export class HttpModule {}
