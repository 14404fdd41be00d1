/**
 * What was last written for each object and what the server answered, as fingerprints: the memory of the skip ladder
 * across restarts. A cache: losing it costs one pass of PATCHes that change nothing, so a damaged file is just none.
 *
 * Two files a target: where its operation stands, and its objects. An operation that wrote no object writes only the first.
 */
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { ensureFolder, readFileIfAny, writeFileDurably } from './disk.ts';
import { seal, unseal } from './seal.ts';

/** One object: identity key, what the bundle in force wants, uid, the line last sent and what shaped it, what the server made of it. */
export interface AppliedObject {
  key: string;
  desired: string | null;
  uid: string;
  version: string;
  object: string;
  shape: string;
  meta: string;
  values: string;
  hook: boolean;
}

/** One target: the operation that last finished and the bundle in force. */
export interface AppliedOperation {
  application: string;
  assignment: number;
  revision: number;
  bundle: string;
  /** The bundle has hooks: an operation runs them even where nothing else is to do. */
  hooks: boolean;
  /** What was last applied without a failed task; null: nothing yet. */
  appliedBundle: string | null;
  appliedRevision: number | null;
  appliedBody: string | null;
  /** The operation of `assignment` ran to its end. */
  finished: boolean;
  phase: 'Succeeded' | 'Failed' | 'Error' | 'Running' | 'Terminating';
  message: string;
  startedAt: string;
  finishedAt: string | null;
  attempt: number;
}

export interface AppliedTarget extends AppliedOperation {
  objects: AppliedObject[];
}

export interface AppliedCache {
  read(target: string): Promise<AppliedTarget | null>;
  /** `objects` null: those on disk stand. */
  write(target: string, operation: AppliedOperation, objects: AppliedObject[] | null): Promise<void>;
  /** Forgets every target that is not named. */
  retain(targets: ReadonlySet<string>): Promise<void>;
}

export async function openAppliedCache(folder: string, key: Uint8Array): Promise<AppliedCache> {
  const cache: Cache = { root: path.join(folder, 'applied'), key };
  await ensureFolder(cache.root);
  return {
    read: async (target) => {
      const operation = (await readSealed(cache, target)) as AppliedOperation | null;
      const objects = (await readSealed(cache, objectsOf(target))) as AppliedObject[] | null;
      return operation && { ...operation, objects: objects ?? [] };
    },
    write: async (target, operation, objects) => {
      // First: objects that are newer than their operation are written once more at worst.
      if (objects !== null) await writeSealed(cache, objectsOf(target), objects);
      await writeSealed(cache, target, operation);
    },
    retain: async (targets) => {
      for (const file of await readdir(cache.root))
        if (!targets.has(file.replace(/\.objects$/, '')))
          await rm(path.join(cache.root, file), { force: true });
    },
  };
}

interface Cache {
  root: string;
  key: Uint8Array;
}

function objectsOf(target: string): string {
  return `${target}.objects`;
}

function writeSealed({ root, key }: Cache, file: string, value: object): Promise<void> {
  const plain = zstdCompressSync(Buffer.from(JSON.stringify(value)));
  return writeFileDurably(path.join(root, file), seal(key, `applied/${file}`, plain));
}

async function readSealed({ root, key }: Cache, file: string): Promise<unknown> {
  const sealed = await readFileIfAny(path.join(root, file));
  const plain = sealed && unseal(key, `applied/${file}`, sealed);
  return plain && JSON.parse(zstdDecompressSync(plain).toString('utf8'));
}
