/**
 * What recovering clusters say they hold, kept until it is taken over. A report comes in parts; it counts once its last
 * part has come, and a newer one replaces it.
 */
import { Injectable } from '@nestjs/common';
import type { Holdings } from '@flotilla/proto/messages';
import { sha256Hex } from '../platform/digest.ts';
import { Observations, type ObservationTransaction } from '../platform/observations.ts';
import type { Session } from './session.ts';

@Injectable()
export class HoldingsStore {
  private readonly begun = new WeakSet<Session>();

  constructor(private readonly observations: Observations) {}

  async add(session: Session, part: Holdings): Promise<void> {
    const isFirst = !this.begun.has(session);
    await this.observations.write(async (tx) => {
      if (isFirst) await clear(tx, session.clusterId);
      await insertPart(tx, session.clusterId, part);
      if (part.last) await finish(tx, session);
    });
    if (part.last) this.begun.delete(session);
    else this.begun.add(session);
  }
}

export async function clear(tx: Pick<ObservationTransaction, 'sql'>, clusterId: string): Promise<void> {
  for (const table of ['holdings', 'holding_parts', 'holding_reports']) {
    await tx.sql(`DELETE FROM ${table} WHERE cluster_id = $1`, [clusterId]);
  }
}

async function insertPart(tx: ObservationTransaction, clusterId: string, part: Holdings): Promise<void> {
  await tx.sql(
    `INSERT INTO holdings (cluster_id, target_id, head) SELECT $1, * FROM unnest($2::uuid[], $3::bytea[])
     ON CONFLICT (cluster_id, target_id) DO UPDATE SET head = excluded.head, reported_at = now()`,
    [clusterId, part.entries.map(({ target }) => target), part.entries.map(({ head }) => head)],
  );
  const parts = [
    ...part.bodies.map((data) => ({ kind: 'body', digest: sha256Hex(data), data })),
    ...part.bundles.map(({ digest, index }) => ({ kind: 'bundle', digest, data: index })),
  ];
  await tx.sql(
    `INSERT INTO holding_parts (cluster_id, kind, digest, data) SELECT $1, * FROM unnest($2::text[], $3::text[], $4::bytea[])
     ON CONFLICT DO NOTHING`,
    [
      clusterId,
      parts.map(({ kind }) => kind),
      parts.map(({ digest }) => digest),
      parts.map(({ data }) => data),
    ],
  );
}

async function finish(tx: ObservationTransaction, session: Session): Promise<void> {
  const { helloMark: mark } = session;
  await tx.sql(
    `INSERT INTO holding_reports (cluster_id, fence, epoch, generation, digest) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (cluster_id) DO UPDATE SET fence = excluded.fence, epoch = excluded.epoch,
       generation = excluded.generation, digest = excluded.digest, reported_at = now()`,
    [session.clusterId, session.fence, mark?.epoch ?? 0, mark?.generation ?? 0, mark?.digest ?? null],
  );
}
