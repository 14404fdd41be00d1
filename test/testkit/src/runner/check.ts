/**
 * `npm run check`: everything that can be said about the code without running it. Each row is a test of its own in
 * the closing line of `npm test`.
 */
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { root } from '../root.ts';
import { architectureProblems } from './architecture.ts';
import { build } from './build.ts';
import { runCommand, runTool, type CommandResult } from './command.ts';
import { startServers } from './servers.ts';
import {
  addTotals,
  closingLine,
  exitCodeOf,
  noTotals,
  runSteps,
  type Step,
  type StepResult,
} from './steps.ts';

function verdict(result: CommandResult): StepResult {
  return { ok: result.code === 0, detail: result.code === 0 ? '' : result.output };
}

async function checkLint(): Promise<StepResult> {
  // Module boundaries need Nx's project graph, which this makes.
  const graph = await runTool('nx/dist/bin/nx.js', ['show', 'projects']);
  if (graph.code !== 0) return verdict(graph);
  return verdict(await runTool('eslint/bin/eslint.js', ['.', '--max-warnings=0']));
}

const layeredFolders = ['domain/src', 'proto/src', 'agent/src', 'control-plane', 'deploy/local/src', 'test'];

async function checkLayers(): Promise<StepResult> {
  const args = [...layeredFolders, '--config', '.dependency-cruiser.cjs'];
  return verdict(await runTool('dependency-cruiser/bin/dependency-cruiser.mjs', args));
}

/** What the wire may not break: the newest release, else the commit before this one. */
async function wireBase(): Promise<string | null> {
  const tag = await runCommand('git', ['describe', '--tags', '--abbrev=0', '--match', 'v*']);
  const candidate = tag.code === 0 ? tag.output.trim() : 'HEAD~1';
  const exists = await runCommand('git', [
    'cat-file',
    '-e',
    `${candidate}:proto/flotilla/agent/v1/hub.proto`,
  ]);
  return exists.code === 0 ? candidate : null;
}

async function checkWireBreaking(): Promise<StepResult> {
  const base = await wireBase();
  if (base === null) return { ok: true, detail: 'no earlier version to compare with' };
  return verdict(await runTool('@bufbuild/buf/bin/buf', ['breaking', '--against', `.git#ref=${base}`]));
}

async function checkSchema(databaseUrl: string): Promise<StepResult> {
  const args = [
    'migrate',
    'diff',
    '--from-migrations',
    'prisma/migrations',
    '--to-schema',
    'prisma/schema.prisma',
    '--script',
    '--exit-code',
  ];
  const env = { DATABASE_URL: databaseUrl };
  const result = await runTool('prisma/build/index.js', args, { env });
  if (result.code !== 2) return verdict(result);
  return {
    ok: false,
    detail: `prisma/schema.prisma and prisma/migrations differ; a migration would be:\n${result.output}`,
  };
}

async function checkOpenApi(): Promise<StepResult> {
  const printed = await runCommand(process.execPath, ['control-plane/hub/dist/main.js', 'openapi']);
  if (printed.code !== 0) return verdict(printed);
  const committed = readFileSync(path.join(root, 'control-plane/client/openapi.json'), 'utf8');
  if (printed.output.trim() === committed.trim()) return { ok: true, detail: '' };
  const command = 'node control-plane/hub/dist/main.js openapi > control-plane/client/openapi.json';
  return {
    ok: false,
    detail: `control-plane/client/openapi.json is not what the hub serves; run: ${command}`,
  };
}

async function checkArchitecture(): Promise<StepResult> {
  const problems = architectureProblems(root, readFileSync(path.join(root, 'ARCHITECTURE.md'), 'utf8'));
  return { ok: problems.length === 0, detail: problems.join('\n') };
}

/** `databaseUrl` is of a server where a scratch database may be made. */
export function checkSteps(databaseUrl: string): Step[] {
  return [
    {
      name: 'types, tests included',
      run: async () => verdict(await runTool('ts7/bin/tsc', ['-p', 'tsconfig.tests.json'])),
    },
    { name: 'lint', run: checkLint },
    { name: 'layers', run: checkLayers },
    {
      name: 'format',
      run: async () =>
        verdict(await runTool('prettier/bin/prettier.cjs', ['--check', '--log-level=warn', '.'])),
    },
    { name: 'wire: lint', run: async () => verdict(await runTool('@bufbuild/buf/bin/buf', ['lint'])) },
    { name: 'wire: breaks nothing', run: checkWireBreaking },
    { name: 'schema equals migrations', run: () => checkSchema(databaseUrl) },
    { name: 'openapi.json is what the hub serves', run: checkOpenApi },
    { name: 'ARCHITECTURE.md names what exists', run: checkArchitecture },
  ];
}

async function main(): Promise<void> {
  const built = await runSteps([
    { name: 'build', run: () => build().then(() => ({ ok: true, detail: '' })) },
  ]);
  const servers = built.failed > 0 ? null : await startServers({ engines: [] });
  try {
    const checked = servers === null ? noTotals : await runSteps(checkSteps(servers.postgresUrl));
    const totals = addTotals(built, checked);
    console.log(closingLine(totals));
    process.exitCode = exitCodeOf(totals, process.env['CI'] === 'true');
  } finally {
    await servers?.[Symbol.asyncDispose]();
    if (servers !== null) rmSync(servers.run.dir, { recursive: true, force: true });
  }
}

if (import.meta.main) await main();
