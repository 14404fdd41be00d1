import 'reflect-metadata';
import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { AppModule } from '../app.module.ts';
import { loadConfig } from '../platform/config.ts';
import { Loggers } from '../platform/logger.ts';
import { openApiDocument } from './openapi.ts';
import { createHttpApplication } from './server.ts';

interface Operation {
  operationId?: string;
  summary?: string;
  requestBody?: { content: Record<string, { schema: unknown }> };
  responses: Record<string, { content?: Record<string, { schema?: unknown }> }>;
  security?: unknown[];
  'x-flotilla-authorize'?: string;
}

let document: ReturnType<typeof openApiDocument>;
let operations: { route: string; operation: Operation }[];

beforeAll(async () => {
  const config = loadConfig({ DATABASE_URL: 'postgresql://nowhere' });
  const logger = new Loggers('error').for('test');
  document = openApiDocument(
    await createHttpApplication(AppModule.with(config), config, { logger, preview: true }),
  );
  operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      route: `${method.toUpperCase()} ${path}`,
      operation: operation as unknown as Operation,
    })),
  );
});

const routesWhere = (lacks: (operation: Operation, route: string) => boolean) =>
  operations.filter(({ operation, route }) => lacks(operation, route)).map(({ route }) => route);

describe('every operation of the API', () => {
  it('has an id of its own and a summary', () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(operations.length).toBeGreaterThan(40);
    expect(new Set(ids).size).toBe(ids.length);
    expect(routesWhere(({ operationId = '' }) => !/^[a-z][A-Za-z]+$/.test(operationId))).toEqual([]);
    expect(routesWhere(({ summary }) => !summary)).toEqual([]);
  });

  it('has an authorization rule, and asks for a token unless it is public', () => {
    const rule = /^(public|authenticated|[a-z-]+:[a-z-]+)$/;
    expect(routesWhere((operation) => !rule.test(operation['x-flotilla-authorize'] ?? ''))).toEqual([]);
    const open = routesWhere((operation) => operation['x-flotilla-authorize'] === 'public');
    expect(open).toEqual([
      'POST /api/v1/agents/enroll',
      'POST /api/v1/agents/renew',
      'POST /api/v1/repositories/{repository}/webhook',
    ]);
    const unasked = routesWhere(({ security }) => (security ?? []).length === 0);
    expect(unasked).toEqual(open);
  });

  it('has a schema of what it answers, and says that refusals and failures are problems', () => {
    const answers = (operation: Operation) =>
      Object.entries(operation.responses).find(([code]) => code.startsWith('2'));
    expect(
      routesWhere((operation) => {
        const [code, answer] = answers(operation) ?? [];
        const schemas = Object.values(answer?.content ?? {}).map(({ schema }) => schema);
        return code !== '204' && (schemas.length === 0 || schemas.some((schema) => isEmpty(schema)));
      }),
    ).toEqual([]);
    for (const refusal of ['4XX', '5XX']) {
      expect(
        routesWhere(({ responses }) => !responses[refusal]?.content?.['application/problem+json']?.schema),
      ).toEqual([]);
    }
  });

  it('has a schema of the body that it takes', () => {
    const takesBody = /^(PUT|PATCH) /;
    expect(routesWhere((operation, route) => takesBody.test(route) && !operation.requestBody)).toEqual([]);
    expect(
      routesWhere(({ requestBody }) =>
        Object.values(requestBody?.content ?? {}).some(({ schema }) => isEmpty(schema)),
      ),
    ).toEqual([]);
  });
});

describe('the document', () => {
  it('refers only to components that it has', () => {
    const text = JSON.stringify(document);
    const names = [...text.matchAll(/#\/components\/schemas\/([A-Za-z]+)/g)].map((match) => match[1] ?? '');
    expect(names.filter((name) => !document.components?.schemas?.[name])).toEqual([]);
  });

  it('is the contract that is committed', async () => {
    const committed = await readFile(new URL('../../../client/openapi.json', import.meta.url), 'utf8');
    expect(committed).toBe(`${JSON.stringify(document, null, 2)}\n`);
  });
});

function isEmpty(schema: unknown): boolean {
  return typeof schema !== 'object' || schema === null || Object.keys(schema).length === 0;
}
