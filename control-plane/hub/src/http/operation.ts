/**
 * What an operation says of itself in the OpenAPI document: a stable id, what it answers, and that every refusal is a
 * problem. One line above a handler, beside `@Authorize`.
 */
import { applyDecorators, HttpCode } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse } from '@nestjs/swagger';
import { z, type ZodType } from 'zod';

export interface OperationOptions {
  /** `listClusters`: clients are generated from it, so it never changes. */
  id: string;
  summary: string;
  /** Default 200; 204 has no body. */
  status?: number;
  /** Schema of the body; left out where there is none. */
  answers?: ZodType;
  /** The answer is a stream of server-sent events. */
  stream?: boolean;
  public?: boolean;
}

export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string().describe('stable word for programs, e.g. not-found'),
    detail: z.string().optional(),
    issues: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
    instance: z.string(),
    correlationId: z.string(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details' });

export function Operation(options: OperationOptions): MethodDecorator {
  const status = options.status ?? 200;
  return applyDecorators(
    HttpCode(status),
    ApiOperation({ operationId: options.id, summary: options.summary }),
    ...(options.public ? [] : [ApiBearerAuth()]),
    ApiResponse({ status, ...answerOf(options) }),
    ApiResponse({ status: '4XX', description: 'refused', content: problemContent }),
    ApiResponse({
      status: '5XX',
      description: 'failed; the log has more under the correlation id',
      content: problemContent,
    }),
  );
}

/** A page of a list, as a named schema. */
export function pageSchema<T extends ZodType>(id: string, item: T) {
  return z
    .object({
      items: z.array(item),
      next: z.string().nullable().describe('cursor of the next page; null at the end'),
    })
    .meta({ id });
}

const problemContent = {
  'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
};

function answerOf({ answers, stream }: OperationOptions) {
  if (stream) {
    return {
      description: 'server-sent events',
      content: { 'text/event-stream': { schema: { type: 'string' as const } } },
    };
  }
  return answers ? { description: 'done', standardSchema: answers } : { description: 'done' };
}
