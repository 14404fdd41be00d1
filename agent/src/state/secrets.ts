/**
 * The agent's own Secret: who it is (key, certificate, trust), how far it has accepted (the mark) and the key that
 * seals its volume. Every change is a compare-and-swap, so that of two pods one loses and reads again. The mark never
 * goes back.
 */
import type { KubeObject } from '@flotilla/domain/object/types';
import type { KubeClient } from '../kube/client.ts';
import { isKubeError } from '../kube/error.ts';
import { getObject } from '../kube/get.ts';
import { secretResource } from '../kube/resource.ts';
import { createObject, replaceObject } from '../kube/write.ts';
import { newSealKey } from './seal.ts';

/** What the Secret may hold; each is a text under its own key. */
export type SecretField =
  | 'key'
  | 'next-key'
  | 'previous-key'
  | 'certificate'
  | 'trust-bundle'
  | 'trust-bundle-version'
  | 'cluster-id'
  | 'hub-id'
  | 'grpc-url'
  | 'checkpoint'
  | 'mark'
  | 'seal-key';

export interface MarkRecord {
  epoch: number;
  generation: number;
  /** Root digest of the accepted set. */
  digest: string;
}

export class MarkWentBackError extends Error {
  override readonly name = 'MarkWentBackError';
  readonly held: MarkRecord;
  readonly offered: MarkRecord;

  constructor(held: MarkRecord, offered: MarkRecord) {
    super(`mark ${offered.epoch}.${offered.generation} is below ${held.epoch}.${held.generation}`);
    this.held = held;
    this.offered = offered;
  }
}

export interface AgentSecret {
  /** As last read or written by this process. */
  get(field: SecretField): string | null;
  /** Null removes a field. Rejects with Conflict only after several lost races. */
  update(changes: Partial<Record<SecretField, string | null>>): Promise<void>;
  mark(): MarkRecord | null;
  /** Rejects with MarkWentBackError where the Secret already holds a greater one. */
  advanceMark(mark: MarkRecord): Promise<void>;
  /** 32 bytes. */
  sealKey(): Buffer;
  /** Reads what another pod may have written meanwhile. */
  reload(): Promise<void>;
}

interface Held {
  kube: KubeClient;
  namespace: string;
  name: string;
  live: KubeObject | null;
}

const triesMax = 5;

/** Reads the Secret, or makes it with a fresh seal key. */
export async function openAgentSecret(
  kube: KubeClient,
  namespace: string,
  name = 'flotilla-agent',
): Promise<AgentSecret> {
  const held: Held = { kube, namespace, name, live: null };
  await reload(held);
  if (fieldOf(held, 'seal-key') === null) await ensureSealKey(held);
  return {
    get: (field) => fieldOf(held, field),
    update: (changes) => change(held, () => changes),
    mark: () => markOf(held),
    advanceMark: (mark) => change(held, () => advance(markOf(held), mark)),
    sealKey: () => Buffer.from(fieldOf(held, 'seal-key') ?? '', 'base64'),
    reload: () => reload(held),
  };
}

async function ensureSealKey(held: Held): Promise<void> {
  const key = newSealKey().toString('base64');
  await change(held, () => (fieldOf(held, 'seal-key') === null ? { 'seal-key': key } : {}));
}

async function reload(held: Held): Promise<void> {
  held.live = await getObject(held.kube, {
    resource: secretResource,
    namespace: held.namespace,
    name: held.name,
  });
}

function dataOf(held: Held): Record<string, string> {
  return (held.live?.['data'] ?? {}) as Record<string, string>;
}

function fieldOf(held: Held, field: SecretField): string | null {
  const encoded = dataOf(held)[field];
  return encoded === undefined ? null : Buffer.from(encoded, 'base64').toString('utf8');
}

function markOf(held: Held): MarkRecord | null {
  const text = fieldOf(held, 'mark');
  return text === null ? null : (JSON.parse(text) as MarkRecord);
}

function advance(held: MarkRecord | null, offered: MarkRecord): Partial<Record<SecretField, string>> {
  const back =
    held !== null &&
    (offered.epoch < held.epoch || (offered.epoch === held.epoch && offered.generation < held.generation));
  if (back) throw new MarkWentBackError(held, offered);
  const { epoch, generation, digest } = offered;
  return { mark: JSON.stringify({ epoch, generation, digest }) };
}

/** Reads again and decides again after each lost race. */
async function change(held: Held, decide: () => Partial<Record<SecretField, string | null>>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const data = { ...dataOf(held) };
    for (const [field, value] of Object.entries(decide())) {
      if (value === null) delete data[field];
      else data[field] = Buffer.from(value).toString('base64');
    }
    try {
      held.live = await write(held, data);
      return;
    } catch (error) {
      if (!isKubeError(error, 'Conflict', 'AlreadyExists', 'NotFound') || attempt === triesMax) throw error;
      await reload(held);
    }
  }
}

function write(held: Held, data: Record<string, string>): Promise<KubeObject> {
  if (held.live !== null) return replaceObject(held.kube, secretResource, { ...held.live, data });
  const metadata = { name: held.name, namespace: held.namespace };
  return createObject(held.kube, secretResource, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata,
    type: 'Opaque',
    data,
  });
}
