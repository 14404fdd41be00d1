/**
 * What both sides hash to see, without sending a state, that the hub holds what the agent last reported: SHA-256 over
 * one line a target, `<target uid> <sha256 of the state's bytes>`, each ended by a newline, sorted by target uid.
 */
import { type Digest, digestOfText, type Sha256 } from '@flotilla/domain/digest/sha256';

export interface AckedState {
  target: string;
  /** SHA-256 of the state's bytes as they were sent, lower-case hex. */
  digest: Digest;
}

/** Null over no states. */
export function observedDigest(states: Iterable<AckedState>, sha256: Sha256): Digest | null {
  const lines = Array.from(states, ({ target, digest }) => `${target} ${digest}\n`).sort();
  return lines.length === 0 ? null : digestOfText(sha256, lines.join(''));
}
