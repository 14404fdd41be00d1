#!/usr/bin/env node
/**
 * Stand-in for Prisma's native schema engine, which Prisma would download: the same JSON-RPC over stdio, served by
 * the WASM build from the npm registry through the pg driver adapter. So generate and migrate work without any
 * download, and what tests run is what ships. `prisma.config.ts` points PRISMA_SCHEMA_ENGINE_BINARY here.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from '@prisma/driver-adapter-utils';
import * as wasm from '@prisma/schema-engine-wasm/schema_engine_bg';
import pg from 'pg';

const CHAR_OID = 18;
const TEXT_OID = 25;
const PRISMA_CODES = { '3D000': 'P1003', '28P01': 'P1000', ECONNREFUSED: 'P1001' };
const JSON_RPC_FAILURE = 4466;

let panicMessage = '';
globalThis.PRISMA_WASM_PANIC_REGISTRY = {
  set_message: (message) => {
    panicMessage = message;
  },
};

const { values: flags, positionals } = parseArgs({
  strict: false,
  allowPositionals: true,
  options: { datamodels: { type: 'string', multiple: true }, datasource: { type: 'string' } },
});
const datasource = flags.datasource ? JSON.parse(flags.datasource) : {};
const url = datasource.url ?? process.env.DATABASE_URL ?? 'postgresql://localhost/none';
const schema = new URL(url).searchParams.get('schema') ?? undefined;

async function loadWasm() {
  const entry = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm');
  const binary = readFileSync(entry.replace(/schema_engine\.js$/, 'schema_engine_bg.wasm'));
  const { instance } = await WebAssembly.instantiate(binary, { './schema_engine_bg.js': wasm });
  wasm.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
}

/** The adapter does not know the catalog type "char" that introspection reads: report it as Character. */
function readingCharColumns(adapter) {
  const performIO = adapter.performIO.bind(adapter);
  const queryRaw = adapter.queryRaw.bind(adapter);
  const startTransaction = adapter.startTransaction?.bind(adapter);
  adapter.performIO = async (query) => {
    const result = await performIO(query);
    result.fields?.forEach((field, index) => {
      if (field.dataTypeID !== CHAR_OID) return;
      field.dataTypeID = TEXT_OID;
      (query.charColumns ??= []).push(index);
    });
    return result;
  };
  adapter.queryRaw = async (query) => {
    const result = await queryRaw(query);
    for (const index of query.charColumns ?? []) result.columnTypes[index] = ColumnTypeEnum.Character;
    return result;
  };
  if (startTransaction) {
    adapter.startTransaction = async (...options) => readingCharColumns(await startTransaction(...options));
  }
  return adapter;
}

async function connect(connectionString, afterwards) {
  const pool = new pg.Pool({ connectionString, max: 4 });
  const adapter = readingCharColumns(await new PrismaPg(pool, { schema }).connect());
  // The adapter cuts scripts at every semicolon, also inside function bodies and comments: send them whole.
  adapter.executeScript = async (script) => void (await pool.query(script));
  adapter.dispose = async () => {
    await pool.end();
    await afterwards?.();
  };
  return adapter;
}

async function withClient(connectionString, use) {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

function maintenanceUrl() {
  const maintenance = new URL(url);
  maintenance.pathname = '/postgres';
  maintenance.search = '';
  return maintenance.href;
}

/** A throw-away database, never the one that migrations are for. */
async function connectToShadowDb() {
  if (datasource.shadowDatabaseUrl) return connect(datasource.shadowDatabaseUrl);
  const name = `prisma_shadow_${process.pid}_${Date.now()}`;
  await withClient(maintenanceUrl(), (client) =>
    client.query(`CREATE DATABASE "${name}" TEMPLATE template0`),
  );
  const shadow = new URL(url);
  shadow.pathname = `/${name}`;
  return connect(shadow.href, () =>
    withClient(maintenanceUrl(), (client) => client.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`)),
  );
}

async function createDatabase() {
  const databaseName = decodeURIComponent(new URL(url).pathname.slice(1));
  await withClient(maintenanceUrl(), async (client) => {
    try {
      await client.query(`CREATE DATABASE ${client.escapeIdentifier(databaseName)}`);
    } catch (error) {
      const exists = error.code === '42P04' || error.code === '23505';
      if (!exists) throw error;
    }
  });
  return { databaseName };
}

let engine;
async function startedEngine() {
  const factory = {
    provider: 'postgres',
    adapterName: '@prisma/adapter-pg',
    connect: () => connect(url),
    connectToShadowDb,
  };
  const datamodels = flags.datamodels?.map((path) => [path, readFileSync(path, 'utf8')]);
  engine ??= await wasm.SchemaEngine.new(
    { datamodels },
    () => {},
    bindMigrationAwareSqlAdapterFactory(factory),
  );
  return engine;
}

function send(message) {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
}

let printed = 0;
const handlers = {
  createDatabase,
  ensureConnectionValidity: () => withClient(url, () => ({})),
  getDatabaseVersion: async () => (await startedEngine()).version(null),
  diff: async (params) => {
    const result = await (await startedEngine()).diff(params);
    if (result.stdout != null) {
      send({ id: `print-${++printed}`, method: 'print', params: { content: result.stdout } });
    }
    return result;
  },
};

function failureOf(error) {
  const message = panicMessage || (error.message ?? String(error));
  panicMessage = '';
  const errorCode = error.error_code ?? PRISMA_CODES[error.code];
  return {
    code: JSON_RPC_FAILURE,
    message,
    data: { is_panic: false, message, error_code: errorCode, meta: {} },
  };
}

async function answer(request) {
  try {
    const handler =
      handlers[request.method] ?? (async (params) => (await startedEngine())[request.method](params ?? {}));
    send({ id: request.id, result: (await handler(request.params)) ?? null });
  } catch (error) {
    send({ id: request.id, error: failureOf(error) });
  }
}

async function serve() {
  const pending = new Set();
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    if (!request.method) continue; // the reply to one of our prints
    const work = answer(request).finally(() => pending.delete(work));
    pending.add(work);
  }
  await Promise.all(pending);
  process.exit(0);
}

async function runOnce() {
  try {
    if (positionals.includes('can-connect-to-database')) await withClient(url, () => undefined);
    else if (positionals.includes('create-database')) await createDatabase();
    else throw new Error(`unsupported command: ${positionals.join(' ')}`);
    process.exit(0);
  } catch (error) {
    const fields = {
      message: error.message,
      error_code: PRISMA_CODES[error.code] ?? 'P1001',
      is_panic: false,
    };
    process.stderr.write(
      `\n${JSON.stringify({ level: 'ERROR', target: 'schema_engine::logger', fields })}\n`,
    );
    process.exit(1);
  }
}

if (process.argv.includes('--version')) {
  console.log('schema-engine-wasm');
} else {
  await loadWasm();
  await (positionals[0] === 'cli' ? runOnce() : serve());
}
