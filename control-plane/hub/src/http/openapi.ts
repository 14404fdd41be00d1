/**
 * The OpenAPI 3.1 document, made from controllers and their schemas; served at /api/v1/openapi.json and committed as
 * the contract. Schemas with an id are components. The same code always prints the same text: keys are sorted.
 */
import type { INestApplication } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';
import { problemSchema } from './operation.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonMap = { [key: string]: Json };

export function openApiDocument(app: INestApplication): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Flotilla')
    .setDescription('The REST API of a Flotilla hub.')
    .setVersion('v1')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'API token `flt_api_…`' });
  const document = SwaggerModule.createDocument(app, builder.build(), {
    standardSchemaConverter: (schema, { schemaType }) => convert(schema as z.ZodType, schemaType),
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}_${method}`,
  });
  const problem = convert(problemSchema, 'output');
  document.components = {
    ...document.components,
    schemas: { ...document.components?.schemas, ...(problem.components as object) },
  };
  return sorted(JSON.parse(JSON.stringify(document)) as Json) as unknown as OpenAPIObject;
}

/** `/api/v1/openapi.json`, for anybody; made on the first request. */
export function serveOpenApi(app: NestFastifyApplication): void {
  let text: string | null = null;
  app.getHttpAdapter().get('/api/v1/openapi.json', (_request: FastifyRequest, reply: FastifyReply) => {
    text ??= JSON.stringify(openApiDocument(app));
    return reply.header('content-type', 'application/json; charset=utf-8').send(text);
  });
}

/** Nested schemas with an id become components; so does the schema itself. */
function convert(
  schema: z.ZodType,
  io: 'input' | 'output',
): { schema: JsonMap; components: Record<string, JsonMap> } {
  const {
    $schema: _,
    $defs,
    ...own
  } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    target: 'draft-2020-12',
  }) as JsonMap;
  const components: Record<string, JsonMap> = {};
  for (const [name, definition] of Object.entries(($defs ?? {}) as JsonMap)) {
    components[name] = withoutId(definition as JsonMap);
  }
  const id = own['id'];
  if (typeof id !== 'string') return { schema: own, components };
  return {
    schema: { $ref: `#/components/schemas/${id}` },
    components: { ...components, [id]: withoutId(own) },
  };
}

/** zod repeats the id inside; there it would be a JSON Schema keyword of another meaning. */
function withoutId({ id: _, ...schema }: JsonMap): JsonMap {
  return schema;
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, member]) => [key, sorted(member)]));
}
