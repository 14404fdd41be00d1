/** The OpenAPI 3.1 document, made from controllers and their schemas; served at /api/v1/openapi.json and committed as the contract. */
import type { INestApplication } from '@nestjs/common';
import { z } from 'zod';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';

export function openApiDocument(app: INestApplication): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Flotilla')
    .setDescription('The REST API of a Flotilla hub.')
    .setVersion('v1')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'API token `flt_api_…`' });
  return SwaggerModule.createDocument(app, builder.build(), {
    standardSchemaConverter: (schema, { schemaType }) => ({
      schema: z.toJSONSchema(schema as z.ZodType, {
        io: schemaType,
        unrepresentable: 'any',
        target: 'draft-2020-12',
      }),
    }),
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}_${method}`,
  });
}
