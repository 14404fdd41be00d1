/** Whether an object may be stored, in the words of the real API server. */
import type { Schema } from '../schema/schema.ts';
import type { KubeObject } from '../types.ts';

/** A cause of a Status with reason Invalid. */
export interface FieldError {
  reason:
    | 'FieldValueRequired'
    | 'FieldValueInvalid'
    | 'FieldValueNotSupported'
    | 'FieldValueForbidden'
    | 'FieldValueDuplicate'
    | 'FieldValueTooLong'
    | 'FieldValueTooMany'
    | 'FieldValueTypeInvalid'
    | 'FieldValueNotFound';
  message: string;
  field: string;
}

/** What is wrong with an object that has its defaults; empty where it may be created. */
export function validate(_object: KubeObject, _schema: Schema): FieldError[] {
  throw new Error('not yet built');
}

/** What is wrong with a change beyond that, such as of an immutable field. */
export function validateUpdate(_before: KubeObject, _after: KubeObject, _schema: Schema): FieldError[] {
  throw new Error('not yet built');
}

/** The message of the answer 422: `Deployment.apps "web" is invalid: spec.replicas: …`. */
export function invalidMessage(_object: KubeObject, _errors: readonly FieldError[]): string {
  throw new Error('not yet built');
}

/**
 * The message of the answer 400 for values that a builtin kind's types cannot hold (a string for a number), or undefined.
 * CRDs have none: there a wrong type is a field error.
 */
export function decodeError(_object: KubeObject, _schema: Schema): string | undefined {
  throw new Error('not yet built');
}
