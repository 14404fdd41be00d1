/** A bundle at rest: its frames, and a row with its index under the project's key. Whoever renders one stores it by this. */
import type { Bundle, BundleIndex } from '@flotilla/domain/bundle/bundle';
import { encodeIndex } from '@flotilla/domain/bundle/bundleIndex';

import type { DataKeys, SealedFrame } from '../platform/dataKeys.ts';
import type { Sql } from '../platform/transaction.ts';
import type { FrameStore, PreparedFrames } from '../sources/frames.store.ts';

export interface PreparedBundle {
  projectId: string;
  index: BundleIndex;
  sealedIndex: SealedFrame;
  frames: PreparedFrames;
}

export class BundleStore {
  private readonly dataKeys: DataKeys;
  private readonly frames: FrameStore;

  constructor(dataKeys: DataKeys, frames: FrameStore) {
    this.dataKeys = dataKeys;
    this.frames = frames;
  }

  /** Outside of the transaction. */
  async prepare(projectId: string, { index, frames }: Bundle): Promise<PreparedBundle> {
    const plain = index.frames.map(({ digest }, at) => ({ digest, bytes: frames[at] ?? new Uint8Array() }));
    const [prepared, sealedIndex] = await Promise.all([
      this.frames.prepare(projectId, plain),
      this.dataKeys.seal(projectId, 'bundles', index.digest, encodeIndex(index)),
    ]);
    return { projectId, index, sealedIndex, frames: prepared };
  }

  /** Inside of it. One that is there already renews its age. @throws FrameMissing */
  async save(tx: Sql, { projectId, index, sealedIndex, frames }: PreparedBundle): Promise<void> {
    await this.frames.save(tx, frames);
    await tx.sql(
      `INSERT INTO bundles (project_id, digest, index, key_version, size_bytes, objects, frames)
       VALUES ($1::uuid, $2, $3, $4, $5, $6, $7::text[])
       ON CONFLICT (project_id, digest) DO UPDATE SET created_at = now()`,
      [
        projectId,
        index.digest,
        Buffer.from(sealedIndex.data),
        sealedIndex.keyVersion,
        index.bytes,
        index.objects.length,
        index.frames.map(({ digest }) => digest),
      ],
    );
  }
}
