/** Whether an object may be stored, in the words of the real API server. */
import type { Schema } from '../schema/schema.ts';
import { gvkOf, type Json, type KubeObject } from '../types.ts';
import type { FieldError } from './fieldErrors.ts';
import { invalid, IMMUTABLE } from './fieldErrors.ts';
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
  if (schema.typeName === undefined) return errors;
  return [...errors, ...(IMMUTABLE_CHECKS[groupKindOf(after)]?.(before, after) ?? [])];
}

/** The message of the answer 422: `Deployment.apps "web" is invalid: spec.replicas: …`. */
export function invalidMessage(object: KubeObject, errors: readonly FieldError[]): string {
  const { group, kind } = gvkOf(object);
  const name = JSON.stringify(object.metadata.name ?? '');
  const texts = errors.map(({ field, message }) => `${field}: ${message}`);
  const list = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  return `${group === '' ? kind : `${kind}.${group}`} ${name} is invalid: ${list}`;
}

function groupKindOf(object: KubeObject): string {
  const { group, kind } = gvkOf(object);
  return `${group}/${kind}`;
}
