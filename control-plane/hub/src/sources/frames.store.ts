/**
 * Frames at rest: keyed by project and digest of the uncompressed bytes, compressed, then encrypted. Saving one that is
 * there already renews its age, so that retention and a new user of the same bytes cannot miss each other.
 */
import { Injectable } from '@nestjs/common';

import { DataKeys } from '../platform/dataKeys.ts';
import { Database } from '../platform/prisma.ts';
import type { Sql } from '../platform/transaction.ts';

export interface PlainFrame {
  digest: string;
  bytes: Uint8Array;
}

export interface PreparedFrames {
  projectId: string;
  /** All digests that must be there after saving. */
  digests: string[];
  sealed: { digest: string; data: Uint8Array; keyVersion: number; sizeBytes: number }[];
}

/** A frame that a row names is not there: retention was faster, or the database was tampered with. */
export class FrameMissing extends Error {
  override readonly name = 'FrameMissing';
  readonly projectId: string;
  constructor(projectId: string) {
    super('a frame is missing');
    this.projectId = projectId;
  }
}

/** Retention may take a frame between the two steps of saving; then both are done again. */
export async function saveTwice<T>(save: () => Promise<T>): Promise<T> {
  try {
    return await save();
  } catch (error) {
    if (!(error instanceof FrameMissing)) throw error;
    return save();
  }
}

/** Bytes of frames that are kept uncompressed in memory: what was just saved is what is read next. */
const cacheBytesMax = 64 << 20;

@Injectable()
export class FrameStore {
  private readonly cached = new Map<string, Buffer>();
  private cachedBytes = 0;

  constructor(
    private readonly database: Database,
    private readonly dataKeys: DataKeys,
  ) {}

  /** Outside of the transaction: seals what is not there yet. */
  async prepare(projectId: string, frames: readonly PlainFrame[]): Promise<PreparedFrames> {
    const byDigest = new Map(frames.map((frame) => [frame.digest, frame]));
    const digests = [...byDigest.keys()];
    const held = await this.database.query<{ digest: string }>(
      'SELECT digest FROM frames WHERE project_id = $1::uuid AND digest = ANY($2::text[])',
      [projectId, digests],
    );
    for (const { digest, bytes } of byDigest.values()) this.keep(projectId, digest, Buffer.from(bytes));
    for (const { digest } of held) byDigest.delete(digest);
    // At once: compressing goes to threads that would otherwise wait for each other's turn on this one.
    const sealed = await Promise.all(
      [...byDigest.values()].map(async ({ digest, bytes }) => {
        const frame = await this.dataKeys.seal(projectId, 'frames', digest, bytes);
        return { digest, ...frame, sizeBytes: bytes.byteLength };
      }),
    );
    return { projectId, digests, sealed };
  }

  /** Inside of it. @throws FrameMissing when one that was there is gone: prepare again */
  async save(tx: Sql, prepared: PreparedFrames): Promise<void> {
    const { projectId, digests, sealed } = prepared;
    await tx.sql(
      `INSERT INTO frames (project_id, digest, data, key_version, size_bytes)
       SELECT $1::uuid, f.digest, f.data, f.key_version, f.size_bytes
       FROM unnest($2::text[], $3::bytea[], $4::int[], $5::int[]) AS f(digest, data, key_version, size_bytes)
       ORDER BY f.digest
       ON CONFLICT (project_id, digest) DO NOTHING`,
      [
        projectId,
        sealed.map(({ digest }) => digest),
        sealed.map(({ data }) => Buffer.from(data)),
        sealed.map(({ keyVersion }) => keyVersion),
        sealed.map(({ sizeBytes }) => sizeBytes),
      ],
    );
    // Retention takes only what is older than a day, and looks again at a row that was changed under its feet.
    await tx.sql(
      `UPDATE frames SET created_at = now()
       WHERE project_id = $1::uuid AND digest = ANY($2::text[]) AND created_at < now() - interval '6 hours'`,
      [projectId, digests],
    );
    const kept = await tx.sql<{ digest: string }>(
      'SELECT digest FROM frames WHERE project_id = $1::uuid AND digest = ANY($2::text[])',
      [projectId, digests],
    );
    if (kept.length !== new Set(digests).size) throw new FrameMissing(projectId);
  }

  /** The uncompressed bytes in the order asked for. @throws FrameMissing */
  async read(projectId: string, digests: readonly string[]): Promise<Buffer[]> {
    const opened = new Map<string, Buffer>();
    for (const digest of digests) {
      const bytes = this.cached.get(`${projectId}/${digest}`);
      if (bytes !== undefined) opened.set(digest, bytes);
    }
    if (opened.size < new Set(digests).size) await this.open(projectId, digests, opened);
    return digests.map((digest) => {
      const bytes = opened.get(digest);
      if (bytes === undefined) throw new FrameMissing(projectId);
      return bytes;
    });
  }

  /** Reads what is not opened yet. */
  private async open(
    projectId: string,
    digests: readonly string[],
    opened: Map<string, Buffer>,
  ): Promise<void> {
    const rows = await this.database.query<{ digest: string; data: Buffer }>(
      'SELECT digest, data FROM frames WHERE project_id = $1::uuid AND digest = ANY($2::text[])',
      [projectId, digests.filter((digest) => !opened.has(digest))],
    );
    await Promise.all(
      rows.map(async ({ digest, data }) => {
        const bytes = await this.dataKeys.open(projectId, 'frames', digest, data);
        opened.set(digest, bytes);
        this.keep(projectId, digest, bytes);
      }),
    );
  }

  /** Of a stored tree; null when it is gone. @throws FrameMissing */
  async readTree(projectId: string, treeId: string): Promise<Buffer[] | null> {
    const [row] = await this.database.query<{ frames: string[] }>(
      'SELECT frames FROM source_trees WHERE id = $1::uuid',
      [treeId],
    );
    return row === undefined ? null : this.read(projectId, row.frames);
  }

  private keep(projectId: string, digest: string, bytes: Buffer): void {
    const key = `${projectId}/${digest}`;
    this.cachedBytes -= this.cached.get(key)?.byteLength ?? 0;
    this.cached.delete(key);
    this.cached.set(key, bytes);
    this.cachedBytes += bytes.byteLength;
    for (const [oldest, held] of this.cached) {
      if (this.cachedBytes <= cacheBytesMax) return;
      this.cached.delete(oldest);
      this.cachedBytes -= held.byteLength;
    }
  }
}
