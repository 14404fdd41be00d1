/** `Desired` in parts of bounded size, accepted with the last: split at the hub, collected at the agent. */
import type { DesiredMessage } from './set.ts';

export const partBytesMax = 1024 * 1024;

export interface DesiredPart extends DesiredMessage {
  /** From 1 to `parts`. */
  part: number;
  parts: number;
}

/** What the envelope of one entry, body or removal costs on the wire, generously. */
const itemOverheadBytes = 64;

type Item =
  | { type: 'upsert'; value: DesiredMessage['upserts'][number] }
  | { type: 'body'; value: Uint8Array }
  | { type: 'removal'; value: string };

/** Bodies first, so that an entry's body has come with or before it. An item larger than a part is a part of its own. */
export function splitDesired(message: DesiredMessage, bytesMax: number = partBytesMax): DesiredPart[] {
  const groups: Item[][] = [[]];
  let bytes = 0;
  for (const item of itemsOf(message)) {
    const size = sizeOf(item);
    if (bytes > 0 && bytes + size > bytesMax) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(item);
    bytes += size;
  }
  return groups.map((items, index) => ({
    ...message,
    bodies: items.filter((item) => item.type === 'body').map((item) => item.value),
    removals: items.filter((item) => item.type === 'removal').map((item) => item.value),
    upserts: items.filter((item) => item.type === 'upsert').map((item) => item.value),
    part: index + 1,
    parts: groups.length,
  }));
}

function itemsOf(message: DesiredMessage): Item[] {
  return [
    ...message.bodies.map((value): Item => ({ type: 'body', value })),
    ...message.removals.map((value): Item => ({ type: 'removal', value })),
    ...message.upserts.map((value): Item => ({ type: 'upsert', value })),
  ];
}

function sizeOf(item: Item): number {
  if (item.type === 'body') return item.value.length + itemOverheadBytes;
  if (item.type === 'removal') return item.value.length + itemOverheadBytes;
  return item.value.head.length + item.value.target.length + itemOverheadBytes;
}

/** Parts of one message so far; hand `parts` back with the next one. */
export type Collected =
  | { outcome: 'partial'; parts: DesiredPart[] }
  | { outcome: 'whole'; message: DesiredMessage }
  | { outcome: 'broken'; detail: string };

/** The first part of another message drops what was begun: the latest wins. */
export function collectPart(begun: DesiredPart[], part: DesiredPart): Collected {
  const parts = part.part === 1 ? [part] : [...begun, part];
  if (!isNext(parts))
    return { outcome: 'broken', detail: `part ${part.part} of ${part.parts} does not follow` };
  if (part.part < part.parts) return { outcome: 'partial', parts };
  return { outcome: 'whole', message: joined(parts) };
}

function isNext(parts: DesiredPart[]): boolean {
  return parts.every((part, index) => part.part === index + 1 && isSameMessage(part, parts[0]));
}

function isSameMessage(part: DesiredPart, first: DesiredPart | undefined): boolean {
  if (first === undefined || part.part > part.parts) return false;
  return (
    part.epoch === first.epoch &&
    part.generation === first.generation &&
    part.baseGeneration === first.baseGeneration &&
    part.digest === first.digest &&
    part.complete === first.complete &&
    part.parts === first.parts
  );
}

function joined(parts: DesiredPart[]): DesiredMessage {
  const [first] = parts;
  if (first === undefined) throw new Error('no parts to join');
  const { epoch, generation, baseGeneration, digest, complete } = first;
  return {
    epoch,
    generation,
    baseGeneration,
    digest,
    complete,
    upserts: parts.flatMap((part) => part.upserts),
    bodies: parts.flatMap((part) => part.bodies),
    removals: parts.flatMap((part) => part.removals),
  };
}
