/**
 * `npm run gen:kube`: starts an API server of kubelab, reads what it serves, writes `kube-schema.json` and what else the
 * folder above holds as JSON, stops it.
 *
 * The same server gives the same file, byte for byte: keys are sorted, nothing depends on time or order of answers.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ApiConnection } from '../../../kubelab/api.ts';
import { ensureKubelab } from '../../../kubelab/build.ts';
import { startLab } from '../../../kubelab/lab.ts';
import type { OpenApiNode } from '../openApi.ts';
import { readResources, readTableColumns } from './discovery.ts';
import { readGoTypes } from './goTypes.ts';
import { readProtobufNumbers } from './protoNumbers.ts';
import { recordDefaults } from './recordDefaults.ts';
import { recordOwnership } from './recordOwnership.ts';
import { reduceDefinitions, type RawDefinitions } from './reduce.ts';

const OUT = fileURLToPath(new URL('../kube-schema.json', import.meta.url));
const PROTOBUF = fileURLToPath(new URL('../kube-protobuf.json', import.meta.url));
const RECORDED = fileURLToPath(new URL('../recorded-defaults.json', import.meta.url));
const OWNERSHIP = fileURLToPath(new URL('../recorded-ownership.json', import.meta.url));
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';

async function main(): Promise<void> {
  const binDir = await ensureKubelab((message) => console.error(message));
  const dir = await mkdtemp(join(tmpdir(), 'flotilla-gen-kube-'));
  const lab = await startLab({ binDir, dir, clusters: [{ name: 'gen', controllers: false }], fsync: false });
  try {
    const [cluster] = lab.clusters;
    if (cluster === undefined) throw new Error('no cluster was started');
    await generate(cluster.api);
  } finally {
    await lab.stop({ graceful: false });
    await rm(dir, { recursive: true, force: true });
  }
}

async function generate(api: ApiConnection): Promise<void> {
  const { gitVersion } = await api.call<{ gitVersion: string }>('/version');
  const raw = await readDefinitions(api);
  const definitions = reduceDefinitions(raw, await readGoTypes(Object.keys(raw)));
  const resources = await readResources(api);
  const columns = await readTableColumns((path) => getTable(api, path), resources);
  const { defaults, samples } = await recordDefaults(api, definitions);
  const parts = { kubernetesVersion: gitVersion, resources, columns, defaults };
  await writeFile(OUT, compact(parts, definitions));
  const numbers = await readProtobufNumbers(definitions);
  await writeFile(PROTOBUF, `{\n${entries(numbers)}\n}\n`);
  await writeFile(RECORDED, lines(samples));
  await writeFile(OWNERSHIP, lines(await recordOwnership(api)));
}

async function readDefinitions(api: ApiConnection): Promise<RawDefinitions> {
  const index = await api.call<{ paths: Record<string, { serverRelativeURL: string }> }>('/openapi/v3');
  const definitions: RawDefinitions = {};
  for (const { serverRelativeURL } of Object.values(index.paths)) {
    const group = await api.call<{ components?: { schemas?: RawDefinitions } }>(serverRelativeURL);
    Object.assign(definitions, group.components?.schemas);
  }
  return definitions;
}

function lines(items: readonly object[]): string {
  return `[\n${items.map((item) => JSON.stringify(item)).join(',\n')}\n]\n`;
}

/** A line for each definition, so that a change of version reads as a diff. */
function compact(parts: object, definitions: Record<string, OpenApiNode>): string {
  const head = Object.entries(parts).map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  return `{${head.join(',\n')},\n"definitions":{\n${entries(definitions)}\n}}\n`;
}

function entries(items: object): string {
  return Object.entries(items)
    .map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`)
    .join(',\n');
}

function getTable(api: ApiConnection, path: string): Promise<unknown> {
  const headers = { authorization: `Bearer ${api.access.token}`, accept: TABLE };
  return new Promise((resolve, reject) => {
    get(new URL(path, api.access.url), { headers, ca: api.access.ca }, (response) => {
      response.setEncoding('utf8');
      let text = '';
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve(JSON.parse(text)));
      response.on('error', reject);
    }).on('error', reject);
  });
}

await main();
