/**
 * What one start leaves for the next: `.flotilla/local`. Ports and secrets are kept, since agents, clones and the hub's
 * own rows know them; a lock keeps two starts apart.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from '../root.ts';
import type { Engine } from './options.ts';

export interface KeptState {
  /** Which clusters it has: engine and number, or contexts. */
  shape: string;
  ports: { postgres: number; git: number; http: number; grpc: number };
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

export const STATE_DIR = join(root, '.flotilla', 'local');
const KEPT_FILE = 'state.json';

export function shapeOf(engine: Engine, clusters: number): string {
  return engine.kind === 'kubelab' ? `kubelab:${clusters}` : `kubeconfig:${engine.contexts.join(',')}`;
}

export function requireSameShape(kept: KeptState | undefined, shape: string): void {
  if (kept === undefined || kept.shape === shape) return;
  throw new OtherFleetError(
    `the fleet that an earlier start left has other clusters (${kept.shape}, not ${shape}): ask for those, or start over with --fresh`,
  );
}

export function newSecret(): string {
  return randomBytes(24).toString('base64url');
}

export async function openState({ fresh }: { fresh: boolean }, dir = STATE_DIR): Promise<StateDir> {
  const pidFile = `${dir}.pid`;
  const running = Number(await readFile(pidFile, 'utf8').catch(() => ''));
  if (running > 0 && running !== process.pid && isAlive(running)) {
    throw new AlreadyRunningError(
      `a local fleet is running already, by process ${running}: end that one first`,
    );
  }
  if (fresh) await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await writeFile(pidFile, String(process.pid));
  const text = await readFile(join(dir, KEPT_FILE), 'utf8').catch(() => undefined);
  return {
    dir,
    kept: text === undefined ? undefined : (JSON.parse(text) as KeptState),
    keep: (state) => writeFile(join(dir, KEPT_FILE), JSON.stringify(state, null, 2), { mode: 0o600 }),
    release: () => rm(pidFile, { force: true }),
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
