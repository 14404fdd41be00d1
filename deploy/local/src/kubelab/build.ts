/**
 * Builds kubelab once for each version of its sources and each machine, into the user's cache folder, so that every
 * clone on the machine starts at once. Two builders never run together, and a folder that exists is complete: it gets
 * its name by a rename at the end.
 */
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { killGroup } from '../processes/group.ts';
import { guardGroup, releaseGroup } from '../processes/supervisor.ts';
import { withBuildLock } from './buildLock.ts';
import { KUBELAB_SOURCE_DIR, kubelabBinDir } from './locate.ts';

const run = promisify(execFile);

/** Called with a line for people whenever something is worth saying. */
export type Progress = (message: string) => void;

export class GoMissingError extends Error {
  override readonly name = 'GoMissingError';
}

export class KubelabBuildError extends Error {
  override readonly name = 'KubelabBuildError';
}

const GO_MINOR_MIN = 26;
const PROGRESS_INTERVAL_MS = 15_000;
const COMPONENTS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];
const VERSION = 'k8s.io/component-base/version';
const LINKER_FLAGS = `-s -w -X ${VERSION}.gitVersion=v1.36.3 -X ${VERSION}.gitMajor=1 -X ${VERSION}.gitMinor=36`;
const BUILD_ENV = { CGO_ENABLED: '0', GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly', GOWORK: 'off' };

/** The folder of built programs; throws `GoMissingError` where they have to be built and cannot. */
export async function ensureKubelab(progress: Progress, signal?: AbortSignal): Promise<string> {
  const binDir = await kubelabBinDir();
  if (existsSync(binDir)) return binDir;
  await requireGo();
  await mkdir(dirname(binDir), { recursive: true });
  await withBuildLock(`${binDir}.lock`, progress, async () => {
    if (!existsSync(binDir)) await buildInto(binDir, progress, signal);
  });
  return binDir;
}

export async function isKubelabBuilt(): Promise<boolean> {
  return existsSync(await kubelabBinDir());
}

/** Throws unless a Go that can build kubelab is on the PATH. */
export async function requireGo(): Promise<void> {
  const version = await run('go', ['env', 'GOVERSION'], {
    env: { ...process.env, GOTOOLCHAIN: 'local' },
  }).then(
    ({ stdout }) => stdout.trim(),
    () => '',
  );
  const problem = goProblem(version);
  if (problem !== undefined) throw new GoMissingError(problem);
}

/** Why this answer of `go env GOVERSION` will not do; undefined when it will. */
export function goProblem(version: string): string | undefined {
  const wanted = `local Kubernetes clusters are built with Go ≥ 1.${GO_MINOR_MIN}`;
  const [, major, minor] = /^go(\d+)\.(\d+)/.exec(version) ?? [];
  if (version === '') return `${wanted}, and there is no go on the PATH: get it from https://go.dev/dl`;
  const enough = Number(major) > 1 || (Number(major) === 1 && Number(minor) >= GO_MINOR_MIN);
  return enough ? undefined : `${wanted}, and this is ${version}: get it from https://go.dev/dl`;
}

async function buildInto(binDir: string, progress: Progress, signal: AbortSignal | undefined): Promise<void> {
  const unfinished = `${binDir}.unfinished-${process.pid}`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });
  await compile(unfinished, progress, signal);
  for (const component of COMPONENTS) await symlink('kubelab', join(unfinished, component));
  await rename(unfinished, binDir);
}

async function compile(outDir: string, progress: Progress, signal: AbortSignal | undefined): Promise<void> {
  progress('building local Kubernetes (once per machine: about 10 min on 2 cores, 3 GB in the Go cache)');
  const startedAt = performance.now();
  const child = spawn(
    'go',
    ['build', '-v', '-trimpath', '-ldflags', LINKER_FLAGS, '-o', `${outDir}/`, '.', 'tool'],
    {
      cwd: KUBELAB_SOURCE_DIR,
      env: { ...process.env, ...BUILD_ENV },
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    },
  );
  const pid = child.pid;
  if (pid !== undefined) guardGroup(pid);
  const abort = () => pid !== undefined && killGroup(pid, 'SIGKILL');
  signal?.addEventListener('abort', abort, { once: true });
  let compiled = 0;
  const lastLines: string[] = [];
  const ticker = setInterval(() => {
    const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1);
    progress(`building local Kubernetes: ${compiled} packages compiled in ${minutes} min`);
  }, PROGRESS_INTERVAL_MS);
  try {
    const closed = new Promise<string | undefined>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, killedBy) => resolve(code === 0 ? undefined : (killedBy ?? `exit ${code}`)));
    });
    for await (const line of createInterface({ input: child.stderr })) {
      if (/^[\w.-]+(\/[\w.~-]+)*$/.test(line)) compiled++;
      else lastLines.push(line);
    }
    const failure = await closed;
    if (failure === undefined) return;
    throw new KubelabBuildError(`go build failed (${failure})\n${lastLines.slice(-20).join('\n')}`.trim());
  } finally {
    clearInterval(ticker);
    signal?.removeEventListener('abort', abort);
    if (pid !== undefined) releaseGroup(pid);
  }
}
