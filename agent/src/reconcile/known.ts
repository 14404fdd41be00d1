/**
 * Objects of a bundle that need not be read: their line is the very one that was last written, the watch says that it stands as
 * written, and nothing in it steers a pass. Of such an object a pass asks no more than what the index and the record say.
 */
import type { IndexedObject } from '@flotilla/domain/bundle/bundle';
import { identityKey } from '@flotilla/domain/object/identity';
import type { Identity, KubeObject } from '@flotilla/domain/object/types';
import { printOfDigest } from '../state/sha256.ts';
import type { Run } from './context.ts';
import type { ObjectRecord } from './records.ts';

export interface KnownObject {
  /** Its identity key, as placed on this cluster. */
  key: string;
  /** As in the bundle, without what is not asked for. */
  object: KubeObject;
}

/** Null: the object has to be read. */
export function knownObject(run: Run, { identity, digest }: IndexedObject): KnownObject | null {
  if (run.head.operation.force === true) return null;
  const record = recordFor(run, identity);
  const written = record?.written;
  if (!record || !written || record.hook || record.live !== 'unchanged') return null;
  if (record.plain === null || record.plain !== written.object || written.version === '') return null;
  if (written.shape !== run.head.body || written.object !== printOfDigest(digest)) return null;
  const { kind, namespace, name } = identity;
  const metadata = namespace === '' ? { name } : { name, namespace };
  return { key: record.key, object: { apiVersion: written.version, kind, metadata } };
}

/** The index names an object as the bundle does: where it gives no namespace, the kind decides which of the two it is. */
function recordFor({ target, body }: Run, identity: Identity): ObjectRecord | undefined {
  const record = target.records.get(identityKey(identity));
  if (record !== undefined || identity.namespace !== '') return record;
  return target.records.get(identityKey({ ...identity, namespace: body.destinationNamespace || 'default' }));
}
