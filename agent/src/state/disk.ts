/**
 * Files that are either whole or not there: temp file, fsync, rename, fsync of the folder. A full disk is an error of
 * its own, since it is the operator's to mend and must be told as such.
 */
import { readFileSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

export class DiskFullError extends Error {
  override readonly name = 'DiskFullError';
  readonly file: string;

  constructor(file: string, cause: unknown) {
    super(`no space left for ${path.basename(file)}`, { cause });
    this.file = file;
  }
}

/** The last write of each file that is under way: two of one file share its temporary, so they take turns. */
const underWay = new Map<string, Promise<void>>();

/** Replaces `file` with `bytes`; after it resolves a power cut does not undo it. Writes of one file happen in the order asked. */
export async function writeFileDurably(file: string, bytes: Uint8Array): Promise<void> {
  const before = underWay.get(file) ?? Promise.resolve();
  const written = before.catch(() => undefined).then(() => replaceFile(file, bytes));
  underWay.set(file, written);
  try {
    await written;
  } finally {
    if (underWay.get(file) === written) underWay.delete(file);
  }
}

async function replaceFile(file: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${file}.tmp`;
  try {
    await writeSynced(temporary, bytes);
    await rename(temporary, file);
    await syncFolder(path.dirname(file));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw asDiskError(file, error);
  }
}

/**
 * Whole or not there for whoever reads it, but a power cut may undo it until `syncFiles`: for what is checked when it is read,
 * many of which are then synced together.
 */
export async function writeFileWhole(file: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${file}.tmp`;
  try {
    await writeFile(temporary, bytes, { mode: 0o600 });
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw asDiskError(file, error);
  }
}

/** After it resolves a power cut does not undo these, nor that they are in their folders. */
export async function syncFiles(files: readonly string[]): Promise<void> {
  await Promise.all(files.map(syncFile));
  await Promise.all([...new Set(files.map((file) => path.dirname(file)))].map(syncFolder));
}

async function syncFile(file: string): Promise<void> {
  try {
    await using handle = await open(file, 'r');
    await handle.sync();
  } catch (error) {
    throw asDiskError(file, error);
  }
}

async function writeSynced(file: string, bytes: Uint8Array): Promise<void> {
  await using handle = await open(file, 'w', 0o600);
  await handle.writeFile(bytes);
  await handle.sync();
}

export async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r');
  await handle.sync();
}

export async function ensureFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
}

/** Null where there is no such file. */
export async function readFileIfAny(file: string): Promise<Buffer | null> {
  try {
    return await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * As `readFileIfAny`, at once: of small files of which hundreds are read in a row. The four turns that the asynchronous read of
 * one takes cost ten times its reading, and a hundred times on a busy machine.
 */
export function readSmallFileIfAny(file: string): Buffer | null {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** ENOSPC and quota refusals become DiskFullError, everything else stays what it is. */
export function asDiskError(file: string, error: unknown): Error {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOSPC' || code === 'EDQUOT') return new DiskFullError(file, error);
  return error as Error;
}
