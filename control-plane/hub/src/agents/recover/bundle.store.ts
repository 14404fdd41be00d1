/** A bundle that came back from a cluster. */
import type { BundleIndex } from '@flotilla/domain/bundle/bundle';
import type { SealedFrame } from '../../platform/dataKeys.ts';
import type { Database } from '../../platform/prisma.ts';

export async function insertBundle(
  database: Database,
  projectId: string,
  index: BundleIndex,
  sealedIndex: SealedFrame,
  frames: readonly (SealedFrame & { digest: string; sizeBytes: number })[],
): Promise<void> {
  await database.query(
    `INSERT INTO frames (project_id, digest, data, key_version, size_bytes)
     SELECT $1, * FROM unnest($2::text[], $3::bytea[], $4::int[], $5::int[]) ON CONFLICT DO NOTHING`,
    [
      projectId,
      frames.map(({ digest }) => digest),
      frames.map(({ data }) => Buffer.from(data)),
      frames.map(({ keyVersion }) => keyVersion),
      frames.map(({ sizeBytes }) => sizeBytes),
    ],
  );
  await database.query(
    `INSERT INTO bundles (project_id, digest, index, key_version, size_bytes, objects, frames)
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
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
