/** The newest checkpoint of the hub's audit chain, kept in the agent's Secret and echoed with every Hello. */
import type { Checkpoint } from '@flotilla/proto/messages';
import { decodeHubMessage, encodeHubMessage } from '@flotilla/proto/codec/hubMessage';
import { WireError } from '@flotilla/proto/wireError';
import type { AgentSecret } from '../state/secrets.ts';

/** Null where there is none, or none that can be read: echoing nothing is harmless. */
export function readCheckpoint(secret: AgentSecret): Checkpoint | null {
  const text = secret.get('checkpoint');
  if (text === null) return null;
  try {
    const message = decodeHubMessage(Buffer.from(text, 'base64'));
    return message?.type === 'Checkpoint' ? message.checkpoint : null;
  } catch (error) {
    if (error instanceof WireError) return null;
    throw error;
  }
}

/** An older one than what is kept changes nothing; by time, since a hub that came back from a backup counts on from less. Kept as it came, in base64. */
export async function storeCheckpoint(secret: AgentSecret, checkpoint: Checkpoint): Promise<void> {
  const kept = readCheckpoint(secret);
  if (kept !== null && kept.at >= checkpoint.at) return;
  const bytes = encodeHubMessage({ type: 'Checkpoint', checkpoint });
  await secret.update({ checkpoint: Buffer.from(bytes).toString('base64') });
}
