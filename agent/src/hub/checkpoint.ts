/** The newest checkpoint of the hub's audit chain, kept in the agent's Secret and echoed with every Hello. */
import type { Checkpoint } from '@flotilla/proto/messages';
import { z } from 'zod';
import type { AgentSecret } from '../state/secrets.ts';

const storedSchema = z.object({
  seq: z.string().regex(/^\d+$/),
  hash: z.string(),
  at: z.iso.datetime(),
  signature: z.base64(),
  keyId: z.string(),
});

/** Null where there is none, or none that can be read: echoing nothing is harmless. */
export function readCheckpoint(secret: AgentSecret): Checkpoint | null {
  const text = secret.get('checkpoint');
  if (text === null) return null;
  const stored = storedSchema.safeParse(parseJson(text));
  if (!stored.success) return null;
  const { seq, hash, at, signature, keyId } = stored.data;
  return { seq: BigInt(seq), hash, at: new Date(at), signature: Buffer.from(signature, 'base64'), keyId };
}

/** An older one than what is kept changes nothing. */
export async function storeCheckpoint(secret: AgentSecret, checkpoint: Checkpoint): Promise<void> {
  const kept = readCheckpoint(secret);
  if (kept !== null && kept.seq >= checkpoint.seq) return;
  const { seq, hash, at, signature, keyId } = checkpoint;
  const stored: z.infer<typeof storedSchema> = {
    seq: String(seq),
    hash,
    at: at.toISOString(),
    signature: Buffer.from(signature).toString('base64'),
    keyId,
  };
  await secret.update({ checkpoint: JSON.stringify(stored) });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
