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

export function notNegative(field: string, value: unknown): FieldError[] {
  const isNegative = typeof value === 'number' && value < 0;
  return isNegative ? [invalid(field, value, 'must be greater than or equal to 0')] : [];
}
