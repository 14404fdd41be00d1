/**
 * What one start leaves for the next: `.flotilla/local`. Ports and secrets are kept, since agents, clones and the hub's
 * own rows know them; a lock beside the folder keeps two starts apart, whatever became of the one before.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { tryLock } from '../processes/fileLock.ts';
import { root } from '../root.ts';
import type { Engine } from './options.ts';

export interface KeptState {
  /** Which clusters it has: engine and number, or contexts. */
  shape: string;
  /** 0: not chosen yet. Each program chooses its own as it begins to listen, so that none is taken in between. */
  ports: {
    postgres: number;
    git: number;
    http: number;
    grpc: number;
    /** Of the engines that ask for the ports they had. */
    clusters: Record<string, number>;
  };
  gitPassword: string;
  webhookSecret: string;
}

export interface StateDir {
  dir: string;
  kept: KeptState | undefined;
  keep: (state: KeptState) => Promise<void>;
  release: () => Promise<void>;
}

export class AlreadyRunningError extends Error {
  override readonly name = 'AlreadyRunningError';
}

/** The fleet that an earlier start left has other clusters than the one that was asked for. */
export class OtherFleetError extends Error {
  override readonly name = 'OtherFleetError';
}

/** What an earlier start left cannot be read. It is left as it is. */
export class BrokenStateError extends Error {
  override readonly name = 'BrokenStateError';
}

export const STATE_DIR = join(root, '.flotilla', 'local');
const KEPT_FILE = 'state.json';

export function shapeOf(engine: Engine, clusters: number): string {
  return engine.kind === 'kubeconfig'
    ? `kubeconfig:${engine.contexts.join(',')}`
    : `${engine.kind}:${clusters}`;
}

export function requireSameShape(kept: KeptState | undefined, shape: string): void {
  if (kept === undefined || kept.shape === shape) return;
  throw new OtherFleetError(
    `the fleet that an earlier start left has other clusters (${kept.shape}, not ${shape}): continue it with ${optionsOfShape(kept.shape)}, or start over with --fresh`,
  );
}

function optionsOfShape(shape: string): string {
  const [, engine = '', count] = /^(\w+):(\d+)$/.exec(shape) ?? [];
  return count === undefined ? `--engine ${shape}` : `--engine ${engine} --clusters ${count}`;
}

export function newSecret(): string {
  return randomBytes(24).toString('base64url');
}

export async function openState({ fresh }: { fresh: boolean }, folder = STATE_DIR): Promise<StateDir> {
  const dir = resolve(folder);
  await mkdir(dirname(dir), { recursive: true });
  const lock = tryLock(`${dir}.lock`);
  const pidFile = `${dir}.pid`;
  if (lock === undefined) {
    const holder = await readFile(pidFile, 'utf8').catch(() => '');
    const who = holder === '' ? '' : `, by process ${holder}`;
    throw new AlreadyRunningError(`a local fleet is running already${who}: end that one first`);
  }
  try {
    await writeFile(pidFile, String(process.pid));
    if (fresh) await rm(dir, { recursive: true, force: true });
    await mkdir(dir, { recursive: true, mode: 0o700 });
    return {
      dir,
      kept: await readKept(join(dir, KEPT_FILE)),
      keep: (state) => writeKept(join(dir, KEPT_FILE), state),
      release: async () => {
        await rm(pidFile, { force: true });
        lock.release();
      },
    };
  } catch (error) {
    await rm(pidFile, { force: true });
    lock.release();
    throw error;
  }
}

async function readKept(file: string): Promise<KeptState | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const kept = parseKept(text);
  if (kept !== undefined) return kept;
  throw new BrokenStateError(
    `${file}, which an earlier start left, is damaged: bring it back from a copy, or start over with --fresh; nothing was touched`,
  );
}

function parseKept(text: string): KeptState | undefined {
  let kept: Partial<KeptState> | null;
  try {
    kept = JSON.parse(text) as Partial<KeptState> | null;
  } catch {
    return undefined;
  }
  const { postgres, git, http, grpc, clusters = {} } = kept?.ports ?? ({} as Partial<KeptState['ports']>);
  const ports = [postgres, git, http, grpc, ...Object.values(clusters)];
  const words = [kept?.shape, kept?.gitPassword, kept?.webhookSecret];
  const whole = ports.every(Number.isInteger) && words.every((word) => typeof word === 'string');
  return whole ? ({ ...kept, ports: { postgres, git, http, grpc, clusters } } as KeptState) : undefined;
}

/** As a whole or not at all: a power cut leaves the state before. */
async function writeKept(file: string, state: KeptState): Promise<void> {
  await writeFile(`${file}.new`, JSON.stringify(state, null, 2), { mode: 0o600, flush: true });
  await rename(`${file}.new`, file);
}
