/** Causes of a Status with reason Invalid, in the words of the real API server. */
import type { Json } from '../types.ts';

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

/** The message of the answer 422: `Deployment.apps "web" is invalid: spec.replicas: …`. */
export function subjectInvalid(
  { group, kind }: { group: string; kind: string },
  name: string,
  errors: readonly FieldError[],
): string {
  const texts = errors.map(({ field, message }) => `${field}: ${message}`);
  const list = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  return `${group === '' ? kind : `${kind}.${group}`} ${JSON.stringify(name)} is invalid: ${list}`;
}

export const IMMUTABLE = 'field is immutable';

export function required(field: string, detail = ''): FieldError {
  const message = detail === '' ? 'Required value' : `Required value: ${detail}`;
  return { reason: 'FieldValueRequired', message, field };
}

export function invalid(field: string, value: unknown, detail: string): FieldError {
  const message = `Invalid value: ${JSON.stringify(value ?? null)}: ${detail}`;
  return { reason: 'FieldValueInvalid', message, field };
}

export function forbidden(field: string, detail: string): FieldError {
  return { reason: 'FieldValueForbidden', message: `Forbidden: ${detail}`, field };
}

export function duplicate(field: string, value: unknown): FieldError {
  return { reason: 'FieldValueDuplicate', message: `Duplicate value: ${JSON.stringify(value)}`, field };
}

export function notFound(field: string, value: unknown): FieldError {
  return { reason: 'FieldValueNotFound', message: `Not found: ${JSON.stringify(value)}`, field };
}

export function notSupported(field: string, value: unknown, supported: readonly Json[]): FieldError {
  const list = supported.map((item) => JSON.stringify(item)).join(', ');
  const message = `Unsupported value: ${JSON.stringify(value)}: supported values: ${list}`;
  return { reason: 'FieldValueNotSupported', message, field };
}

export function tooLong(field: string, bytesMax: number): FieldError {
  return { reason: 'FieldValueTooLong', message: `Too long: may not be more than ${bytesMax} bytes`, field };
}

export function notNegative(field: string, value: unknown): FieldError[] {
  const isNegative = typeof value === 'number' && value < 0;
  return isNegative ? [invalid(field, value, 'must be greater than or equal to 0')] : [];
}
