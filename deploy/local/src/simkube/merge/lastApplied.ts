/** The annotation of client-side apply: what kubectl may take over when it changes to server-side apply. */
import type { Schema } from '../schema/schema.ts';
import type { Json, KubeObject } from '../types.ts';
import { EMPTY_SET, difference, union, type FieldSet } from './fieldSet.ts';
import { withoutManagedFields } from './managers.ts';
import { compareFields, fieldsOf } from './ownedFields.ts';

const ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration';

/** Fields that client-side apply wrote and that still are as it wrote them. */
export function allowedByLastApplied(live: KubeObject, schema: Schema): FieldSet {
  const last = parsed(live.metadata.annotations?.[ANNOTATION]);
  if (last === undefined || last.apiVersion !== live.apiVersion) return EMPTY_SET;
  const { modified, removed } = compareFields(last as Json, live as Json, schema);
  return difference(fieldsOf(last as Json, schema), union(modified, removed));
}

/** Keeps the annotation up to date for kubectl's client-side apply, where it is in use. */
export function withLastApplied(
  object: KubeObject,
  { manager, applied }: { manager: string; applied: KubeObject },
): KubeObject {
  const annotations = object.metadata.annotations;
  if (manager !== 'kubectl' || !annotations?.[ANNOTATION]) return object;
  const config = withoutManagedFields(applied);
  const { [ANNOTATION]: _last, ...rest } = config.metadata.annotations ?? {};
  const metadata = { ...config.metadata, ...(config.metadata.annotations ? { annotations: rest } : {}) };
  const text = `${JSON.stringify({ ...config, metadata })}\n`;
  return { ...object, metadata: { ...object.metadata, annotations: { ...annotations, [ANNOTATION]: text } } };
}

function parsed(text: string | undefined): KubeObject | undefined {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as KubeObject;
  } catch {
    return undefined;
  }
}
