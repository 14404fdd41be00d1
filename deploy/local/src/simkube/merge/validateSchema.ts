/** A custom resource against the rules of its own schema. CEL rules are not evaluated. */
import type { Schema } from '../schema/schema.ts';
import type { Json, JsonObject } from '../types.ts';
import { duplicate, invalid, notSupported, required, type FieldError } from './fieldErrors.ts';
import { elementOf, isEqual, isObject } from './shape.ts';

export function validateSchema(value: Json, schema: Schema, field: string): FieldError[] {
  if (value === null) return [];
  const wanted = wantedType(schema);
  if (wanted !== undefined && !hasType(value, wanted)) return [wrongType(field, value, wanted)];
  const errors = [...scalarErrors(value, schema, field)];
  if (Array.isArray(value)) errors.push(...listErrors(value, schema, field));
  else if (isObject(value)) errors.push(...objectErrors(value, schema, field));
  return errors;
}

function wantedType(schema: Schema): string | undefined {
  if (schema.kind === 'struct' || schema.kind === 'map') return 'object';
  if (schema.kind === 'list') return 'array';
  if (schema.kind === 'untyped') return schema.rules.type;
  return schema.type === 'quantity' ? undefined : schema.type;
}

function typeOf(value: Json): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function hasType(value: Json, wanted: string): boolean {
  const actual = typeOf(value);
  if (wanted === 'number') return actual === 'number' || actual === 'integer';
  if (wanted === 'int-or-string') return actual === 'integer' || actual === 'string';
  return actual === wanted;
}

function wrongType(field: string, value: Json, wanted: string): FieldError {
  const actual = JSON.stringify(typeOf(value));
  const types = wanted === 'int-or-string' ? 'integer,string' : wanted;
  const message = `Invalid value: ${actual}: ${field} in body must be of type ${types}: ${actual}`;
  return { reason: 'FieldValueTypeInvalid', message, field };
}

function scalarErrors(value: Json, { rules }: Schema, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const body = `${field} in body`;
  if (rules.enum !== undefined && !rules.enum.some((item) => isEqual(item, value)))
    errors.push(notSupported(field, value, rules.enum));
  if (typeof value === 'string') errors.push(...textErrors(value, rules, field));
  if (typeof value !== 'number') return errors;
  const { minimum, maximum, multipleOf, exclusiveMinimum, exclusiveMaximum } = rules;
  if (multipleOf !== undefined && value % multipleOf !== 0)
    errors.push(invalid(field, value, `${body} should be a multiple of ${multipleOf}`));
  if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum)) {
    const bound = exclusiveMaximum ? 'less than' : 'less than or equal to';
    errors.push(invalid(field, value, `${body} should be ${bound} ${maximum}`));
  }
  if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum)) {
    const bound = exclusiveMinimum ? 'greater than' : 'greater than or equal to';
    errors.push(invalid(field, value, `${body} should be ${bound} ${minimum}`));
  }
  return errors;
}

function textErrors(value: string, rules: Schema['rules'], field: string): FieldError[] {
  const errors: FieldError[] = [];
  const { maxLength, minLength, pattern } = rules;
  const length = [...value].length;
  if (maxLength !== undefined && length > maxLength) {
    const message = `Too long: may not be more than ${maxLength} bytes`;
    errors.push({ reason: 'FieldValueTooLong', message, field });
  }
  if (minLength !== undefined && length < minLength)
    errors.push(invalid(field, value, `${field} in body should be at least ${minLength} chars long`));
  if (pattern !== undefined && !matches(pattern, value))
    errors.push(invalid(field, value, `${field} in body should match '${pattern}'`));
  return errors;
}

/** A pattern that only Go's dialect knows refuses nothing. */
function matches(pattern: string, value: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(value);
  } catch {
    return true;
  }
}

function listErrors(value: Json[], schema: Schema, field: string): FieldError[] {
  const { minItems, maxItems } = schema.rules;
  const errors: FieldError[] = [];
  if (maxItems !== undefined && value.length > maxItems) {
    const items = maxItems === 1 ? 'item' : 'items';
    const message = `Too many: ${value.length}: must have at most ${maxItems} ${items}`;
    errors.push({ reason: 'FieldValueTooMany', message, field });
  }
  if (minItems !== undefined && value.length < minItems) {
    const items = minItems === 1 ? 'item' : 'items';
    errors.push(invalid(field, value.length, `${field} in body should have at least ${minItems} ${items}`));
  }
  if (schema.kind !== 'list') return errors;
  const seen = new Set<string>();
  value.forEach((item, index) => {
    const at = `${field}[${index}]`;
    errors.push(...validateSchema(item, schema.element, at));
    const element = schema.listType === 'atomic' ? undefined : elementOf(schema, item);
    if (element !== undefined && seen.has(element))
      errors.push(duplicate(at, schema.listType === 'set' ? item : (JSON.parse(element.slice(2)) as Json)));
    if (element !== undefined) seen.add(element);
  });
  return errors;
}

function objectErrors(value: JsonObject, schema: Schema, field: string): FieldError[] {
  const at = (name: string) => (field === '' ? name : `${field}.${name}`);
  if (schema.kind === 'map')
    return Object.entries(value).flatMap(([name, item]) => validateSchema(item, schema.element, at(name)));
  if (schema.kind !== 'struct') return [];
  const missing = schema.required.filter((name) => value[name] === undefined || value[name] === null);
  const below = [...schema.fields].flatMap(([name, child]) => {
    const item = value[name];
    // Metadata has its own checks, and is the same for all.
    return item === undefined || (field === '' && name === 'metadata')
      ? []
      : validateSchema(item, child, at(name));
  });
  return [...below, ...missing.map((name) => required(at(name)))];
}
