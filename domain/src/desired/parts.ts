/** `Desired` in parts of bounded size, accepted with the last: split at the hub, collected at the agent. */
import type { DesiredMessage } from './set.ts';

export const partBytesMax = 1024 * 1024;

export interface DesiredPart extends DesiredMessage {
  /** From 1 to `parts`. */
  part: number;
  parts: number;
}

export declare function splitDesired(message: DesiredMessage, bytesMax?: number): DesiredPart[];

/** Parts of one message so far. A part of another message drops what was begun. */
export type Collected =
  | { outcome: 'partial'; parts: DesiredPart[] }
  | { outcome: 'whole'; message: DesiredMessage }
  | { outcome: 'broken'; detail: string };

export declare function collectPart(begun: DesiredPart[], part: DesiredPart): Collected;
