/**
 * What was last written for each object and what the server answered, as fingerprints: the memory of the skip ladder
 * across restarts. A cache: losing it costs one pass of PATCHes that change nothing, so a damaged file is just none.
 */
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { ensureFolder, readFileIfAny, writeFileDurably } from './disk.ts';
import { seal, unseal } from './seal.ts';

/** One object: identity key, what the bundle in force wants, uid, the line and manifest last sent, what the server made of it. */
export interface AppliedObject {
  key: string;
  desired: string | null;
  uid: string;
  version: string;
  object: string;
  sent: string;
  meta: string;
  values: string;
  hook: boolean;
}

/** One target: the operation that last finished and the bundle in force. */
export interface AppliedTarget {
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
  objects: AppliedObject[];
}

export interface AppliedCache {
  read(target: string): Promise<AppliedTarget | null>;
  write(target: string, applied: AppliedTarget): Promise<void>;
  /** Forgets every target that is not named. */
  retain(targets: ReadonlySet<string>): Promise<void>;
}

export async function openAppliedCache(folder: string, key: Uint8Array): Promise<AppliedCache> {
  const root = path.join(folder, 'applied');
  await ensureFolder(root);
  return {
    read: async (target) => readApplied(await readFileIfAny(path.join(root, target)), key, target),
    write: (target, applied) => {
      const plain = zstdCompressSync(Buffer.from(JSON.stringify(applied)));
      return writeFileDurably(path.join(root, target), seal(key, `applied/${target}`, plain));
    },
    retain: async (targets) => {
      for (const file of await readdir(root))
        if (!targets.has(file)) await rm(path.join(root, file), { force: true });
    },
  };
}

function readApplied(sealed: Buffer | null, key: Uint8Array, target: string): AppliedTarget | null {
  const plain = sealed && unseal(key, `applied/${target}`, sealed);
  if (plain === null) return null;
  return JSON.parse(zstdDecompressSync(plain).toString('utf8')) as AppliedTarget;
}
