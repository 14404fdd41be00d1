/**
 * How Go writes a zero value, which OpenAPI does not tell: left out, or null. Read off the very sources that kubelab is
 * built from, by their struct tags.
 */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { KUBELAB_SOURCE_DIR } from '../../../kubelab/locate.ts';

const run = promisify(execFile);

export interface GoField {
  omitEmpty: boolean;
  omitZero: boolean;
  /** The type as written: `*int32`, `[]Container`, `metav1.Time`. */
  type: string;
}

/** Fields by definition name, then by their JSON name. */
export type GoTypes = Map<string, Map<string, GoField>>;

const MODULES = [
  'k8s.io/api',
  'k8s.io/apimachinery',
  'k8s.io/apiextensions-apiserver',
  'k8s.io/kube-aggregator',
];
const FIELD = /^\s+\w+\s+(\S+)\s+`(?:\w+:"[^"]*"\s+)*json:"([^"]*)"/;

/** Where the sources of each module are. */
export async function readModuleFolders(): Promise<Map<string, string>> {
  const folders = new Map<string, string>();
  for (const module of MODULES) {
    const { stdout } = await run('go', ['list', '-m', '-f', '{{.Dir}}', module], { cwd: KUBELAB_SOURCE_DIR });
    folders.set(module, stdout.trim());
  }
  return folders;
}

export async function readGoTypes(definitionNames: readonly string[]): Promise<GoTypes> {
  const folders = await readModuleFolders();
  const types: GoTypes = new Map();
  const packages = new Set(definitionNames.map((name) => name.slice(0, name.lastIndexOf('.'))));
  for (const name of packages) await readPackage(name, folders, types);
  return types;
}

/** `io.k8s.api.core.v1` is `core/v1` in the module `k8s.io/api`; undefined for what is in none of the modules. */
export function packageFolder(name: string, folders: Map<string, string>): string | undefined {
  const path = name.replace('io.k8s.', 'k8s.io/').replaceAll('.', '/').replace('k8s/io', 'k8s.io');
  const module = MODULES.find((candidate) => path.startsWith(`${candidate}/`));
  return module && join(folders.get(module) ?? '', path.slice(module.length + 1));
}

async function readPackage(name: string, folders: Map<string, string>, types: GoTypes): Promise<void> {
  const folder = packageFolder(name, folders);
  if (folder === undefined) return;
  for (const file of (await readdir(folder)).sort()) {
    if (!file.endsWith('.go') || file.endsWith('_test.go') || file.startsWith('zz_')) continue;
    readStructs(await readFile(join(folder, file), 'utf8'), name, types);
  }
}

function readStructs(source: string, packageName: string, types: GoTypes): void {
  for (const [, name = '', body = ''] of source.matchAll(/^type (\w+) struct \{\n([\s\S]*?)^\}/gm)) {
    const fields = new Map<string, GoField>();
    for (const line of body.split('\n')) {
      const [, type = '', tag = ''] = FIELD.exec(line) ?? [];
      const [jsonName = '', ...options] = tag.split(',');
      if (jsonName === '') continue;
      const [omitEmpty, omitZero] = [options.includes('omitempty'), options.includes('omitzero')];
      fields.set(jsonName, { omitEmpty, omitZero, type });
    }
    types.set(`${packageName}.${name}`, fields);
  }
}
