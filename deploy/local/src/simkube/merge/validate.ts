/** Whether an object may be stored, in the words of the real API server. */
import type { Schema } from '../schema/schema.ts';
import { gvkOf, type Json, type KubeObject } from '../types.ts';
import type { FieldError } from './fieldErrors.ts';
import { forbidden, invalid, IMMUTABLE } from './fieldErrors.ts';
import { IMMUTABLE_CHECKS } from './immutable.ts';
import { KIND_CHECKS } from './validateKinds.ts';
import { validateMetadata } from './validateMetadata.ts';
import { validateSchema } from './validateSchema.ts';

export { decodeError } from './decode.ts';
export type { FieldError } from './fieldErrors.ts';

/** What is wrong with an object that has its defaults; empty where it may be created. */
export function validate(object: KubeObject, schema: Schema): FieldError[] {
  const errors = validateMetadata(object);
  if (schema.typeName === undefined)
    return [...errors, ...validateSchema(object as unknown as Json, schema, '')];
  return [...errors, ...(KIND_CHECKS[groupKindOf(object)]?.(object) ?? [])];
}

/** What is wrong with a change beyond that, such as of an immutable field. */
export function validateUpdate(before: KubeObject, after: KubeObject, schema: Schema): FieldError[] {
  const errors: FieldError[] = [];
  for (const name of ['name', 'namespace', 'uid'] as const) {
    const value = after.metadata[name];
    if (value !== before.metadata[name]) errors.push(invalid(`metadata.${name}`, value ?? '', IMMUTABLE));
  }
  errors.push(...lateFinalizers(before, after));
  if (schema.typeName === undefined) return errors;
  return [...errors, ...(IMMUTABLE_CHECKS[groupKindOf(after)]?.(before, after) ?? [])];
}

/** What is being deleted waits for those that it has; a new one could hold it for ever. */
function lateFinalizers({ metadata: before }: KubeObject, { metadata: after }: KubeObject): FieldError[] {
  if (before.deletionTimestamp === undefined) return [];
  const late = (after.finalizers ?? []).filter((name) => !before.finalizers?.includes(name));
  if (late.length === 0) return [];
  const list = late.map((name) => JSON.stringify(name)).join(', ');
  const text = 'no new finalizers can be added if the object is being deleted';
  return [forbidden('metadata.finalizers', `${text}, found new finalizers []string{${list}}`)];
}

function groupKindOf(object: KubeObject): string {
  const { group, kind } = gvkOf(object);
  return `${group}/${kind}`;
}
