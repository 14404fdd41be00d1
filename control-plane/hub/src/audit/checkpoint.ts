/**
 * Signed statements of where the chain stood. They are stored every minute and echoed by agents, so that a hub whose
 * database went back in time learns it from the first agent that connects.
 */
import { createHash, sign, verify } from 'node:crypto';
import type { Envelope } from '../platform/envelope.ts';
import type { Observations } from '../platform/observations.ts';
import {
  insertCheckpoint,
  lastCheckpoint,
  lastSeal,
  readHubId,
  takeSealLock,
  type CheckpointRow,
} from './audit.store.ts';

type Statement = Pick<CheckpointRow, 'seq' | 'hash' | 'at'>;

/**
 * The new checkpoint; null when nothing was sealed since the last one. Waits for whoever seals: the next turn would come a
 * minute later, and agents would lack it for as long.
 */
export function checkpointOnce(
  observations: Observations,
  envelope: Envelope,
): Promise<CheckpointRow | null> {
  return observations.write(async (tx) => {
    await takeSealLock(tx);
    const position = await lastSeal(tx);
    const before = await lastCheckpoint(tx);
    if (position === null || (before !== null && before.seq >= position.seq)) return null;
    const hub = await readHubId(tx);
    const statement = { ...position, at: hub.now };
    const { privateKey } = envelope.checkpointKey();
    const signature = sign(null, bytesOf(hub.id, statement), privateKey);
    const row = { ...statement, signature, keyId: checkpointKeyId(envelope) };
    await insertCheckpoint(tx, row);
    tx.hint('audit', 'checkpoints');
    return row;
  });
}

/** Whether this hub's key signed it. */
export function isSignedByHub(
  envelope: Envelope,
  hubId: string,
  checkpoint: Statement & { signature: Uint8Array },
): boolean {
  return verify(null, bytesOf(hubId, checkpoint), envelope.checkpointKey().publicKey, checkpoint.signature);
}

export function checkpointKeyId(envelope: Envelope): string {
  const der = envelope.checkpointKey().publicKey.export({ format: 'der', type: 'spki' });
  return createHash('sha256').update(der).digest('hex').slice(0, 16);
}

function bytesOf(hubId: string, { seq, hash, at }: Statement): Buffer {
  return Buffer.from(`flotilla audit checkpoint\n${hubId}\n${seq}\n${hash}\n${at.toISOString()}\n`);
}
