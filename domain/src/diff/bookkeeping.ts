/** What the server keeps about an object rather than what somebody asked for: never part of a diff. */
import type { JsonMap, KubeObject } from '../object/types.ts';

const bookkeepingFields = new Set([
  'creationTimestamp',
  'deletionGracePeriodSeconds',
  'deletionTimestamp',
  'generation',
  'managedFields',
  'resourceVersion',
  'selfLink',
  'uid',
]);

/** Without status, too: it is reported by controllers, and an apply never writes it. */
export function withoutBookkeeping(object: KubeObject): KubeObject {
  const { status: _status, ...rest } = object;
  const metadata: JsonMap = {};
  for (const [key, value] of Object.entries(object.metadata)) {
    if (!bookkeepingFields.has(key)) metadata[key] = value;
  }
  return { ...rest, metadata } as KubeObject;
}
