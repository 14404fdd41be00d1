/**
 * How a renderer is confined: no environment, no file but its own program, no child processes, threads or addons (Node's
 * permission model), no network where the system can take it away (a network namespace of its own), a bounded heap.
 */
import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process';
import { extname, dirname, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

export type RendererProcess = ChildProcessByStdio<Writable, Readable, Readable>;

export interface SandboxOptions {
  heapMb: number;
  /** Null: without a network namespace. */
  unshare: string | null;
}

const here = import.meta.dirname;
const isSource = extname(import.meta.filename) === '.ts';

/** Twice what Node allows: a rendering's objects live until its answer, and each collection on the way copies them in vain. */
const youngSpaceMb = 32;

const packages = ['yaml', 'picomatch', '@flotilla/domain'];

/** Folders that the renderer's program is read from: its own, and wherever Node may look for its packages. */
function programFolders(): string[] {
  const child = join(here, 'child');
  const domain = dirname(
    dirname(dirname(fileURLToPath(import.meta.resolve('@flotilla/domain/bundle/bundle')))),
  );
  const lookedAt = ancestors(child).flatMap((folder) =>
    packages.map((name) => join(folder, 'node_modules', name)),
  );
  return [child, join(here, '..', 'sources'), domain, ...lookedAt];
}

function ancestors(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...ancestors(parent)];
}

/** `evaluate`: other code than the renderer's, under the same confinement; for tests of it. */
export function startRenderer(
  options: SandboxOptions,
  cwd: string,
  { evaluate }: { evaluate?: string } = {},
): RendererProcess {
  const main = join(here, 'child', `main${extname(import.meta.filename)}`);
  const flags = [
    '--permission',
    ...programFolders().map((folder) => `--allow-fs-read=${folder}/*`),
    '--disallow-code-generation-from-strings',
    '--disable-proto=throw',
    `--max-old-space-size=${options.heapMb}`,
    `--max-semi-space-size=${youngSpaceMb}`,
    ...(isSource ? ['--conditions=@flotilla/source'] : []),
    ...(evaluate === undefined ? [main] : ['--input-type=module', '--eval', evaluate]),
  ];
  const stdio = ['pipe', 'pipe', 'pipe'] as const;
  const [command, args] =
    options.unshare === null
      ? [process.execPath, flags]
      : [options.unshare, ['--map-root-user', '--net', '--', process.execPath, ...flags]];
  return spawn(command, args, { cwd, env: {}, stdio: [...stdio] }) as RendererProcess;
}

/** Where the system lets an unprivileged process drop its network. */
export function findUnshare(): string | null {
  if (process.platform !== 'linux') return null;
  for (const path of ['/usr/bin/unshare', '/bin/unshare']) {
    const { status } = spawnSync(path, ['--map-root-user', '--net', '--', 'true'], {
      env: {},
      timeout: 5_000,
    });
    if (status === 0) return path;
  }
  return null;
}
