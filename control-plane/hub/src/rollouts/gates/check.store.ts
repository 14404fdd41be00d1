/** An open rollout without its outcomes: all that a check of a gate reads and changes. */
import type { Rollout } from '@flotilla/domain/rollout/state';

import type { Sql } from '../../platform/transaction.ts';
import { selectRollouts } from '../fleet.store.ts';
import { rolloutOf, type RolloutRow } from '../fleetRows.ts';

/** Null: it is closed, or gone. */
export async function readOpen(tx: Sql, id: string): Promise<Rollout | null> {
  const [row] = await tx.sql<RolloutRow>(
    `${selectRollouts} WHERE id = $1::uuid AND phase IN ('Running', 'Paused')`,
    [id],
  );
  return row === undefined ? null : rolloutOf(row, []);
}

/** The version rises as by a tick, so that none is saved over it. */
export async function saveWaves(tx: Sql, applicationId: string, { id, waves }: Rollout): Promise<void> {
  await tx.sql(`UPDATE rollouts SET state = jsonb_set(state, '{waves}', $2::jsonb) WHERE id = $1::uuid`, [
    id,
    JSON.stringify(waves),
  ]);
  await tx.sql('UPDATE applications SET rollout_version = rollout_version + 1 WHERE id = $1::uuid', [
    applicationId,
  ]);
}
