/** Appends to the chain what was committed since: gapless, in batches, by one worker of all replicas at a time. */
import { chainStart, sealOf, type ChainPosition, type Seal } from '@flotilla/domain/audit/chain';
import type { AuditEventRecord } from '@flotilla/domain/audit/event';
import { sha256 } from '../platform/digest.ts';
import type { Observations } from '../platform/observations.ts';
import { insertSeals, lastSeal, trySealLock, unsealedEvents } from './audit.store.ts';

const batchMax = 2000;

export type SealOutcome = { outcome: 'sealed'; seals: number; more: boolean } | { outcome: 'elsewhere' };

/** `everything`: also look at events older than the newest sealed one, which a crash may have left. */
export function sealOnce(observations: Observations, everything: boolean): Promise<SealOutcome> {
  return observations.write(async (tx): Promise<SealOutcome> => {
    if (!(await trySealLock(tx))) return { outcome: 'elsewhere' };
    const events = await unsealedEvents(tx, { limit: batchMax, everything });
    if (events.length === 0) return { outcome: 'sealed', seals: 0, more: false };
    const seals = chain((await lastSeal(tx)) ?? chainStart, events);
    await insertSeals(tx, seals);
    tx.hint('audit', 'seals');
    return { outcome: 'sealed', seals: seals.length, more: events.length === batchMax };
  });
}

function chain(after: ChainPosition, events: readonly AuditEventRecord[]): Seal[] {
  const seals: Seal[] = [];
  let position = after;
  for (const event of events) {
    const seal = sealOf(sha256, position, event);
    seals.push(seal);
    position = seal;
  }
  return seals;
}
