/**
 * The accepted desired set on the volume, as the bytes that came: heads and bodies are never re-encoded. A file that
 * does not open or does not parse counts as lost; the caller compares what it reads with the mark, and never applies
 * one that is older.
 */
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { ensureFolder, readFileIfAny, writeFileDurably } from './disk.ts';
import { seal, unseal } from './seal.ts';

export interface SnapshotEntry {
  /** Target uid. */
  target: string;
  /** The head's bytes, RFC 8785 JSON. */
  head: string;
  /** Digest of the body; its bytes are in `bodies`. */
  body: string;
}

export interface Snapshot {
  epoch: number;
  generation: number;
  /** Root digest over the entries. */
  digest: string;
  entries: SnapshotEntry[];
  /** Body bytes by digest. */
  bodies: Record<string, string>;
}

export type SnapshotReading = { found: 'yes'; snapshot: Snapshot } | { found: 'no' } | { found: 'torn' };

export interface SnapshotFile {
  read(): Promise<SnapshotReading>;
  /** Resolves once it survives a power cut; rejects with DiskFullError and leaves the old one in place. */
  write(snapshot: Snapshot): Promise<void>;
}

const name = 'snapshot';

export async function openSnapshotFile(folder: string, key: Uint8Array): Promise<SnapshotFile> {
  await ensureFolder(folder);
  const file = path.join(folder, name);
  return {
    read: async () => readSnapshot(await readFileIfAny(file), key),
    write: (snapshot) => writeFileDurably(file, seal(key, name, gzipSync(JSON.stringify(snapshot)))),
  };
}

function readSnapshot(sealed: Buffer | null, key: Uint8Array): SnapshotReading {
  if (sealed === null) return { found: 'no' };
  const plain = unseal(key, name, sealed);
  if (plain === null) return { found: 'torn' };
  return { found: 'yes', snapshot: JSON.parse(gunzipSync(plain).toString('utf8')) as Snapshot };
}
